"""Every fault of Twilio's x every moment a worker can die: each text goes out once, whole and in order.

The table in docs/guarantees.md names these tests cell by cell. A worker kills itself (SIGKILL) at the named point,
once per person, and is started again, as a supervisor would. The count is the sandbox's own record.
"""

import msgspec
import pytest

from sandbox.faults import (
    Callbacks,
    Fault,
    accept_then_drop,
    answer_late,
    drop_before_accepting,
    server_error,
    too_many_requests,
)
from shared.fault_points import MARKS, POINT, FaultPoint
from tests.journeys.house import House

FAULTS: dict[str, Fault | None] = {
    "no fault": None,
    "accepted, then the connection dropped": accept_then_drop(),
    "accepted, dropped, and no callback": accept_then_drop(callbacks=Callbacks.NONE),
    "accepted, dropped, no callback, and the list lags": accept_then_drop(callbacks=Callbacks.NONE, list_lag_s=3.0),
    "accepted, answered after our timeout": answer_late(4.0),
    "dropped before it was accepted": drop_before_accepting(),
    "429 with Retry-After": too_many_requests(),
    "500 before accepting": server_error(accepted=False),
    "500 after accepting": server_error(accepted=True),
    "callbacks twice": Fault(callbacks=Callbacks.TWICE),
    "callbacks in reverse": Fault(callbacks=Callbacks.REVERSED),
    "callbacks before the answer": Fault(callbacks=Callbacks.BEFORE_ANSWER),
}

TEXT = "The first part says this.\n\nThe second part says that."
PARTS = ["The first part says this.", "The second part says that."]


COLUMNS = (None, *(point for point in FaultPoint if point is not FaultPoint.CONNECTED))
"""A worker that dies before the first byte leaves what it leaves after its journal entry."""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", COLUMNS, ids=lambda point: point.value if point else "nobody-dies")
async def test_each_text_goes_out_once_and_in_order(house: House, point: FaultPoint | None) -> None:
    house.open_door()
    house.config["channels"]["sms"]["textChunkLimit"] = 30
    house.config["workers"] = {
        "leaseSeconds": 1,
        "outbound": {"requestTimeoutSeconds": 2, "inDoubtSeconds": 8},
    }
    if point is FaultPoint.AFTER_REQUEST:  # one at a time, or a neighbour's request is settled by the crash of another
        house.config["workers"]["outbound"]["concurrency"] = 1
    marks = house.folder / "marks"
    marks.mkdir()
    if point is not None:
        house.extra_environ = {POINT: point.value, MARKS: str(marks)}
    await house.start()
    phones = {f"+120255502{i:02}": name for i, name in enumerate(FAULTS)}
    for phone, name in phones.items():
        fault = FAULTS[name]
        if fault is not None:
            house.sandbox.state.faults.add(msgspec.structs.replace(fault, to=phone))

    async with house.keep_alive("outbound"):
        for phone in phones:
            await house.text(phone, TEXT)
        await house.until(lambda: everybody_has(house, list(phones)), limit_s=120)
        await house.idle()
    await house.sandbox.state.settle()

    got = {name: [body.strip() for body in house.bodies(phone)] for phone, name in phones.items()}
    assert got == dict.fromkeys(FAULTS, PARTS)
    struck = len(list(marks.iterdir()))
    if point in (None, FaultPoint.BEFORE_JOURNAL, FaultPoint.AFTER_JOURNAL, FaultPoint.AFTER_REQUEST):
        assert struck == (len(phones) if point else 0), "each person's text met the crash"
    else:  # an answer, or what follows it, may be cut off by the crash of a neighbour each time
        assert struck > len(phones) / 2


async def everybody_has(house: House, phones: list[str]) -> bool:
    return all(len(house.got(phone)) >= len(PARTS) for phone in phones)
