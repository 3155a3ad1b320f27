"""`GET /v1/conversations/{id}`: what waits for one person, and whether anything may leave."""

import pytest
from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.lanes import append
from shared.round_trip import execute
from tests.integration.api.conftest import ANN, Caller


async def test_a_conversation_shows_what_waits_and_whom_it_is_with(api: Caller, redis: Redis, keys: Keys) -> None:
    for _ in range(2):
        posted = (await api.post({"to": ANN, "text": "hello"})).json
    answer = await api.get(posted["links"]["conversation"])
    turn = await redis.hget(keys.conversation(posted["conversation"]), "format")  # type: ignore[misc]
    idle = {"waiting": 0, "turn": None}
    assert answer.json == {
        "id": posted["conversation"],
        "account": "default",
        "peer": "+1202•••0111",
        "optedOut": False,
        "paused": False,
        "lanes": {"agent": idle, "format": {"waiting": 2, "turn": turn.decode()}, "outbound": idle},
        "scheduled": 0,
    }


async def test_opt_out_and_pause_show(api: Caller, redis: Redis, keys: Keys) -> None:
    posted = (await api.post({"to": ANN, "text": "hello"})).json
    await redis.hset(keys.opted_out("default"), ANN, "now")  # type: ignore[misc]
    await redis.set(keys.paused("default"), b"why")
    said = (await api.get(posted["links"]["conversation"])).json
    assert (said["optedOut"], said["paused"]) == (True, True)


async def test_of_a_conversation_that_the_api_never_wrote_to_less_is_known(
    api: Caller, redis: Redis, keys: Keys
) -> None:
    conversation = "b" * 16
    lane = keys.lane(Stage.AGENT, conversation)
    await execute(redis, [append(lane=lane, stage=Stage.AGENT, records=(b"text",))])
    said = (await api.get(f"/v1/conversations/{conversation}")).json
    assert said["lanes"]["agent"]["waiting"] == 1
    assert [said[name] for name in ("account", "peer", "optedOut", "paused")] == [None] * 4
    kept = await api.get(f"/v1/conversations/{conversation}", token="token-of-keeper")
    assert kept.status == 404, "whose it is cannot be told, so a token of one account does not see it"


@pytest.mark.parametrize("conversation", ["nothing", "a" * 16, "A" * 16, "a" * 17])
async def test_what_is_not_known_is_404(api: Caller, conversation: str) -> None:
    answer = await api.get(f"/v1/conversations/{conversation}")
    assert (answer.status, answer.problem) == (404, "not-found")
