"""`turn`: the later answer of an agent goes to whom the turn belongs, once, over any number of replicas."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.keys import Keys, Stage, conversation_id
from shared.round_trip import execute
from shared.turns import OpenTurn, TurnState, close_turn, open_turn
from tests.integration.api.conftest import ANN, BOB, Caller, opened_turn, running, waiting


async def test_the_answer_goes_to_whom_the_turn_belongs(api: Caller, redis: Redis, keys: Keys) -> None:
    turn = await opened_turn(redis, ANN)
    answer = await api.post({"turn": turn, "text": "**done**"})
    assert (answer.status, answer.json["id"], answer.json["account"]) == (202, turn, "default")
    (reply,) = await waiting(redis, keys)
    assert (reply.to, reply.texts, reply.markdown, reply.in_reply_to) == (ANN, ("**done**",), True, "SM1")


async def test_it_is_plain_text_if_it_says_so(api: Caller, redis: Redis, keys: Keys) -> None:
    await api.post({"turn": await opened_turn(redis, ANN), "text": "*", "markdown": False})
    assert not (await waiting(redis, keys))[0].markdown


async def test_the_same_answer_again_is_a_replay_and_another_is_refused(api: Caller, redis: Redis, keys: Keys) -> None:
    turn = await opened_turn(redis, ANN)
    first = await api.post({"turn": turn, "text": "one"})
    again = await api.post({"turn": turn, "text": "one"}, key="a key of its own changes nothing")
    assert (again.status, again.body, again.headers["location"]) == (202, first.body, f"/v1/messages/{turn}")
    other = await api.post({"turn": turn, "text": "two"})
    assert (other.status, other.problem) == (409, "turn-answered")
    assert len(await waiting(redis, keys)) == 1


async def test_twenty_at_once_over_two_replicas_are_one_answer(redis_url: str, redis: Redis, keys: Keys) -> None:
    turn = await opened_turn(redis, ANN)
    async with running(redis_url) as one, running(redis_url) as two:
        texts = [{"turn": turn, "text": f"answer {n % 4}"} for n in range(20)]
        answers = await asyncio.gather(*((one, two)[n % 2].post(texts[n]) for n in range(20)))
    assert Counter(answer.status for answer in answers) == {202: 5, 409: 15}
    assert len(await waiting(redis, keys)) == 1


@pytest.mark.parametrize("turn", ["", "nonsense", "mzxw6ytboi3dsnrt-1", "mzxw6ytboi3dsnrt-api-1", "a" * 500, "\u0000"])
async def test_an_unknown_turn_is_refused(api: Caller, turn: str) -> None:
    answer = await api.post({"turn": turn, "text": "hello"})
    assert (answer.status, answer.problem) == (404, "turn-unknown")


async def test_a_turn_is_unknown_when_its_time_is_over(api: Caller, redis: Redis, keys: Keys) -> None:
    turn = await opened_turn(redis, ANN)
    assert 0 < await redis.pttl(keys.turn(turn)) <= 3_600_000
    await redis.delete(keys.turn(turn))  # as expiry does
    assert (await api.post({"turn": turn, "text": "hello"})).problem == "turn-unknown"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"to": BOB}, "/to"), ({"account": "shop"}, "/account"), ({"account": "nobody"}, "/account")],
)
async def test_a_turn_of_another_conversation_is_refused(
    api: Caller, redis: Redis, keys: Keys, change: dict[str, Any], pointer: str
) -> None:
    turn = await opened_turn(redis, ANN)
    answer = await api.post({"turn": turn, "text": "hello"} | change)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, pointer)
    assert await waiting(redis, keys) == await waiting(redis, keys, BOB) == []
    assert (await api.post({"turn": turn, "text": "hello", "to": ANN, "account": "default"})).status == 202


async def test_a_token_answers_only_turns_of_its_accounts(api: Caller, redis: Redis) -> None:
    theirs, its_own = await opened_turn(redis, ANN), await opened_turn(redis, ANN, account="shop")
    refused = await api.post({"turn": theirs, "text": "hello"}, token="token-of-keeper")
    assert (refused.status, refused.problem) == (403, "account-forbidden")
    assert (await api.post({"turn": its_own, "text": "hello"}, token="token-of-keeper")).status == 202


async def test_a_turn_of_an_account_that_is_off_is_refused(api: Caller, redis: Redis) -> None:
    turn = await opened_turn(redis, ANN, account="off")
    assert (await api.post({"turn": turn, "text": "hello"})).problem == "account-unavailable"


async def test_nobody_who_has_opted_out_is_answered_and_the_turn_stays_open(
    api: Caller, redis: Redis, keys: Keys
) -> None:
    turn = await opened_turn(redis, ANN)
    await redis.hset(keys.opted_out("default"), ANN, "1")  # type: ignore[misc]
    assert (await api.post({"turn": turn, "text": "hello"})).problem == "opted-out"
    await redis.hdel(keys.opted_out("default"), ANN)  # type: ignore[misc]
    assert (await api.post({"turn": turn, "text": "hello"})).status == 202


# The agent stage's side


async def close(redis: Redis, keys: Keys, turn: str = "7") -> TurnState:
    call = close_turn(keys=keys, conversation=conversation_id("default", ANN), turn=turn)
    (state,) = await execute(redis, [call])
    return TurnState(state.decode())


async def reopen(redis: Redis, keys: Keys, turn: str = "7") -> TurnState:
    about = OpenTurn(
        account="default", conversation=conversation_id("default", ANN), to=ANN, message_sid="SM1", received_ms=1
    )
    (state,) = await execute(redis, [open_turn(keys=keys, turn=turn, about=about, ttl_ms=1000)])
    return TurnState(state.decode())


async def test_a_turn_that_said_something_itself_takes_no_answer(api: Caller, redis: Redis, keys: Keys) -> None:
    turn = await opened_turn(redis, ANN)
    assert await close(redis, keys) is TurnState.CLOSED
    answer = await api.post({"turn": turn, "text": "hello"})
    assert (answer.status, answer.problem) == (409, "turn-answered")
    assert await waiting(redis, keys) == []


async def test_a_turn_that_was_answered_says_nothing_itself_and_is_not_asked_again(
    api: Caller, redis: Redis, keys: Keys
) -> None:
    turn = await opened_turn(redis, ANN)
    await api.post({"turn": turn, "text": "hello"})
    assert await close(redis, keys) is TurnState.ANSWERED
    assert await reopen(redis, keys) is TurnState.ANSWERED


async def test_a_turn_that_is_run_again_is_open_again(api: Caller, redis: Redis, keys: Keys) -> None:
    turn = await opened_turn(redis, ANN)
    await close(redis, keys)
    assert await reopen(redis, keys) is TurnState.OPEN
    assert (await api.post({"turn": turn, "text": "hello"})).status == 202


async def test_who_lost_the_turn_changes_nothing(api: Caller, redis: Redis, keys: Keys) -> None:
    turn = await opened_turn(redis, ANN)
    await redis.hset(keys.conversation(conversation_id("default", ANN)), Stage.AGENT.value, "8")  # type: ignore[misc]
    assert await close(redis, keys) is TurnState.FENCED
    assert await reopen(redis, keys) is TurnState.FENCED
    assert (await api.post({"turn": turn, "text": "hello"})).status == 202


async def test_closing_a_turn_that_never_was_opened_leaves_nothing_behind(redis: Redis, keys: Keys) -> None:
    await opened_turn(redis, ANN)
    await redis.delete(keys.turn(f"{conversation_id('default', ANN)}-7"))
    assert await close(redis, keys) is TurnState.CLOSED
    assert not await redis.exists(keys.turn(f"{conversation_id('default', ANN)}-7"))
