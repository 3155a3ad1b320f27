"""A conversation of 200 texts over three agent workers that keep dying: order, history and its bounds hold."""

import contextlib

from shared.history import history_of, load_history
from shared.keys import conversation_id
from shared.round_trip import execute
from tests.journeys.agents_for_tests import digest
from tests.journeys.house import House

ANN = "+12025550111"
TEXTS = 200
LINES = 30
WORKERS = ("agent", "agent-2", "agent-3")


async def test_200_texts_over_dying_workers_keep_their_order_and_their_history(house: House) -> None:
    house.open_door()
    house.config["agent"] = {
        "kind": "python",
        "callable": "tests.journeys.agents_for_tests:remembers",
        "history": {"messages": LINES},
    }
    house.config["workers"] = {"leaseSeconds": 1}
    await house.start("ingress", *WORKERS, "format", "outbound")
    async with contextlib.AsyncExitStack() as stack:
        for worker in WORKERS:
            await stack.enter_async_context(house.keep_alive(worker))
        for number in range(1, TEXTS + 1):
            await house.text(ANN, str(number))
        await house.idle(limit_s=90)

    assert len(list(house.folder.glob("died-at-*"))) == TEXTS // 20, "every death came"
    transcript: list[str] = []
    answered: list[str] = []
    for answer in house.bodies(ANN):
        known = transcript[-LINES:]
        texts = answer.removeprefix("texts ").partition(" after ")[0].split()
        assert answer == f"texts {' '.join(texts)} after {len(known)} lines {digest(known)}", "it knew what was said"
        transcript += [*texts, answer]
        answered += texts
    assert answered == [str(number) for number in range(1, TEXTS + 1)], "each once, in order"

    call = load_history(keys=house.keys, conversation=conversation_id("default", ANN))
    (stored,) = await execute(house.redis, [call])
    history = history_of(stored)
    assert [line.body for line in history.lines] == transcript[-LINES:]
    assert history.forgotten == len(transcript) - LINES
