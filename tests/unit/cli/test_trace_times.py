"""A part's way in steps, in the pipeline's order, whatever order the news came in."""

from cli.trace_times import steps_as_json, steps_line, steps_of
from shared.outbox import PartState, Status
from shared.trace import PartTrace

STATE = PartState(
    part_id="r.0",
    state="accepted",
    status=Status.DELIVERED,
    journaled_ms=1_700_000_000_600,
    accepted_ms=1_700_000_000_700,
    reached={Status.DELIVERED: 1_700_000_200_000, Status.SENT: 1_700_000_002_000},
)
PART = PartTrace(part_id="r.0", state=STATE, created_ms=1_700_000_000_500, received_ms=1_700_000_000_000)


def test_each_step_is_told_with_what_it_took() -> None:
    assert steps_line(steps_of(PART)) == (
        "received 2023-11-14T22:13:20Z, written +500 ms, posted +100 ms, accepted +100 ms, "
        "sent +1.3 s, delivered +3 min"
    )
    assert [(step["step"], step["afterMs"]) for step in steps_as_json(steps_of(PART))] == [
        ("received", None),
        ("written", 500),
        ("posted", 100),
        ("accepted", 100),
        ("sent", 1300),
        ("delivered", 198_000),
    ]


def test_what_is_not_known_is_left_out() -> None:
    assert steps_of(PartTrace(part_id="r.0", state=None)) == []
    assert steps_line([]) == ""
    assert steps_as_json([]) == []
