"""The agent stage: hand a conversation's waiting texts to the agent, and its answer to the format stage.

Redis keys: the agent and format lanes of the conversation.
"""

import asyncio
import time

from shared.errors import TextgateError, TransientError
from shared.keys import Stage
from shared.lanes import hand_over
from shared.records import InboundText, Origin, Reply, decode_inbound_text, encode
from shared.texts import TextKey, Texts
from workers.agents.contract import Text, Turn, texts_of
from workers.work import Burial, Environment, StageSpec, Work

MAX_TEXTS = 50
"""Texts that one turn takes at most; more wait for the next."""


async def take_turn(work: Work, env: Environment) -> None:
    """Run one turn. Raises TransientError if the agent failed, in whatever way."""
    texts = [decode_inbound_text(record) for record in work.records]
    answer = await _ask(work, env, texts)
    records = (encode(_reply(work, texts[-1], answer, Origin.AGENT)),) if answer else ()
    committed = await work.commit(
        hand_over(
            source=work.lane,
            source_stage=Stage.AGENT,
            turn=work.turn,
            taken=len(texts),
            target=env.keys.lane(Stage.FORMAT, work.conversation),
            target_stage=Stage.FORMAT,
            records=records,
            note_keys=tuple(env.keys.answer(text.account_id, text.message_sid) for text in texts),
            note=reply_id(work),
        )
    )
    work.facts |= {"account": texts[0].account_id, "texts": len(texts), "message_sid": texts[-1].message_sid}
    work.outcome = "fenced" if not committed else "answered" if answer else "silent"


async def _ask(work: Work, env: Environment, texts: list[InboundText]) -> tuple[str, ...]:
    if env.agent is None:
        raise RuntimeError("this worker was started without an agent")
    turn = Turn(
        key=f"{work.conversation}-{work.turn}",
        conversation=work.conversation,
        account_id=texts[0].account_id,
        sender=texts[0].sender,
        texts=tuple(Text(message_sid=t.message_sid, body=t.body, received_ms=t.received_ms) for t in texts),
    )
    try:
        async with asyncio.timeout(env.settings.agent.timeout_s):
            return texts_of(await env.agent(turn))
    except TextgateError:
        raise
    except TimeoutError as error:
        raise TransientError("the agent took too long", code="agent-timeout") from error
    except Exception as error:  # the agent is somebody else's code: whatever it raises fails this turn only
        raise TransientError(f"the agent failed: {type(error).__name__}: {error}", code="agent-failed") from error


async def bury_turn(work: Work, env: Environment) -> Burial:
    """Give up all texts of the turn, and apologise unless the configuration says not to."""
    newest = decode_inbound_text(work.records[-1])
    account = env.settings.accounts.get(newest.account_id)
    texts = account.texts if account is not None else Texts()
    said = texts.say(TextKey.APOLOGY, number=newest.sender)
    apology = _reply(work, newest, (said,), Origin.APOLOGY) if said else None
    return Burial(account_id=newest.account_id, records=work.records, apology=apology)


def reply_id(work: Work) -> str:
    """The id of what this turn says; derived, so that a turn that runs twice says the same."""
    return f"{work.conversation}-{work.turn}"


def _reply(work: Work, newest: InboundText, texts: tuple[str, ...], origin: Origin) -> Reply:
    return Reply(
        reply_id=reply_id(work),
        account_id=newest.account_id,
        conversation=work.conversation,
        to=newest.sender,
        texts=texts,
        origin=origin,
        created_ms=time.time_ns() // 1_000_000,
        markdown=origin is Origin.AGENT,
        in_reply_to=newest.message_sid,
        received_ms=newest.received_ms,
    )


SPEC = StageSpec(stage=Stage.AGENT, process=take_turn, bury=bury_turn, take=MAX_TEXTS)


def __getattr__(name: str) -> type:
    """`WorkerSettings` for `arq workers.agent.WorkerSettings`, made when it is asked for. See `workers/stock.py`."""
    if name != "WorkerSettings":
        raise AttributeError(name)
    from workers.stock import worker_settings

    return worker_settings(SPEC)
