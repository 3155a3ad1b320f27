"""Asking the agent of an account: within its time, its failures kept apart from ours, its answer checked and bounded.

An agent of the kind `http` may answer later, by the API: such a turn is opened before it is asked, and closed if it
answers at once, so that the person never gets two answers. Redis keys: turn (see `lua/open_turn.lua`).
"""

import contextlib

from shared.agent_backends import HttpBackend
from shared.errors import TextgateError, TransientError
from shared.logs import logger
from shared.scripts import Call
from shared.turns import OpenTurn, TurnState, close_turn, open_turn
from workers.agents.answers import Said, said_of
from workers.agents.contract import Agent, Later, Turn
from workers.agents.failures import describe
from workers.agents.raised import Raised, where_raised
from workers.media.hosting import host
from workers.work import Environment, Work

log = logger(__name__)


async def ask(work: Work, env: Environment, turn: Turn) -> Said:
    """What the agent says to a turn. Raises TransientError or PermanentError if it failed, in whatever way."""
    if env.agents is None:
        raise RuntimeError("this worker was started without an agent")
    account = env.account(turn.account_id)
    async with env.agents(account) as agent:
        if not isinstance(account.backend, HttpBackend):
            return await _noted(work, env, turn, await _answer(work, env, agent, turn))
        state = await work.call(_opening(work, env, turn, account.backend))
        if TurnState(state.decode()) is not TurnState.OPEN:
            work.facts["answer"] = "came by the API"
            return Said()
        return await _close(work, env, turn, await _answer(work, env, agent, turn))


async def may_speak(work: Work, env: Environment) -> bool:
    """Whether the turn may say something itself, which closes it for the API: not if its answer came from there."""
    state = await work.call(close_turn(keys=env.keys, conversation=work.conversation, turn=work.turn))
    return TurnState(state.decode()) is not TurnState.ANSWERED


async def _answer(work: Work, env: Environment, agent: Agent, turn: Turn) -> Said | Later:
    account = env.account(turn.account_id)
    within, limit = env.limits.limit(account.agent.timeout_s), account.agent.max_reply_characters
    loopback, paths = env.settings.twilio_api_base is not None, account.media_folder is not None
    try:
        with within:
            answer = await agent(turn)
        if isinstance(answer, Later):
            return answer
        return said_of(answer, max_characters=limit, loopback=loopback, paths=paths)
    except TextgateError:
        raise
    except Exception as error:  # the agent is somebody else's code: whatever it raises fails this turn only
        if within.expired and isinstance(error, TimeoutError):
            raise TransientError("the agent took too long", code="agent-timeout") from error
        _tell(work, error)
        raise TransientError(f"the agent failed: {describe(error)}", code="agent-failed") from error


def _tell(work: Work, error: Exception) -> None:
    """One line for who wrote the agent, and the traceback behind it. Raises nothing: the turn is to be tried again."""
    raised = Raised()
    with contextlib.suppress(Exception):  # source lines come from loaders that may be somebody else's code, too
        raised = where_raised(error)
    facts = {"at": raised.at, "exception": raised.traceback} if raised.at else {}
    with contextlib.suppress(Exception):
        log.error("agent_failed", error=describe(error), conversation=work.conversation, turn=work.turn, **facts)


def _opening(work: Work, env: Environment, turn: Turn, backend: HttpBackend) -> Call:
    newest = turn.texts[-1]
    about = OpenTurn(
        account=turn.account_id,
        conversation=work.conversation,
        to=turn.sender,
        message_sid=newest.message_sid,
        received_ms=newest.received_ms,
    )
    return open_turn(keys=env.keys, turn=work.turn, about=about, ttl_ms=int(backend.answer_within_s * 1000))


async def _close(work: Work, env: Environment, turn: Turn, answer: Said | Later) -> Said:
    """Say it, unless the answer will come by the API, or has come meanwhile."""
    if isinstance(answer, Later):
        work.facts["answer"] = "comes later"
        return Said()
    if not await may_speak(work, env):
        work.facts["answer"] = "came by the API"
        return Said()
    return await _noted(work, env, turn, answer)


async def _noted(work: Work, env: Environment, turn: Turn, answer: Said | Later) -> Said:
    """Its files as URLs, and in the log what was left out."""
    said = Said() if isinstance(answer, Later) else answer
    said = await host(work, env, env.account(turn.account_id), said, number=turn.sender)
    if said.left_out:
        work.facts["left_out"] = said.left_out
    return said
