"""The agent stage: hand a conversation's waiting texts to the agent, and its answer to the format stage.

A turn takes the texts up to the next command, or one command alone (`commands.py`), which the agent never sees. What is
remembered of it (`memory.py`) is written by the commit itself.

Redis keys: the agent and format lanes of the conversation, its history, answer.
"""

import time

import msgspec

from shared.history import Memory, history_of, load_history
from shared.keys import Stage
from shared.lanes import hand_over
from shared.records import InboundText, Origin, Reply, decode_inbound_text, encode
from shared.settings import AgentSection
from shared.texts import TextKey, Texts
from workers import memory
from workers.agents.answers import Said
from workers.agents.contract import Line, Role, Text, Turn
from workers.ask import ask, may_speak
from workers.commands import Batch, Command, answer_command, next_batch, words_of
from workers.media.attach import with_attachments
from workers.memory import Recalled
from workers.still_working import telling
from workers.text.artifacts import without_artifacts
from workers.work import Burial, Environment, StageSpec, Work

MAX_TEXTS = 50
"""Texts that one turn takes at most; more wait for the next."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn says (perhaps nothing), and what is remembered of it."""

    said: Said
    origin: Origin
    memory: Memory | None


async def take_turn(work: Work, env: Environment) -> None:
    """Run one turn. Raises TransientError if the agent failed, in whatever way."""
    batch = _batch(work, env)
    newest = batch.texts[-1]
    work.facts |= {"account": newest.account_id, "texts": len(batch.texts), "message_sid": newest.message_sid}
    recalled = await _recall(work, env, batch)
    if batch.command is None:
        answer = await _answer(work, env, batch.texts, recalled)
    else:
        answer = _obey(work, env, batch.texts[0], batch.command, recalled)
    committed = await work.commit(
        hand_over(
            source=work.lane,
            source_stage=Stage.AGENT,
            turn=work.turn,
            taken=len(batch.texts),
            target=env.keys.lane(Stage.FORMAT, work.conversation),
            target_stage=Stage.FORMAT,
            records=(encode(_reply(work, newest, answer.said, answer.origin)),) if answer.said else (),
            note_keys=tuple(env.keys.answer(text.account_id, text.message_sid) for text in batch.texts),
            note=reply_id(work),
            memory=answer.memory,
            replied=bool(answer.said) and _guards_against_loops(env, newest.account_id),
        )
    )
    said = batch.command.value if batch.command else "answered" if answer.said else "silent"
    work.outcome = said if committed else "fenced"


async def _recall(work: Work, env: Environment, batch: Batch) -> Recalled:
    """What is remembered, as far as it counts now. No round trip for an agent that has no use for it."""
    agent = _section(env, batch.texts[0].account_id)
    if not memory.keeps_history(agent):
        return memory.NOTHING
    reply = await work.call(load_history(keys=env.keys, conversation=work.conversation))
    return memory.recall(history_of(reply), agent, batch.texts[0].received_ms)


def _obey(work: Work, env: Environment, text: InboundText, command: Command, recalled: Recalled) -> Answer:
    """Answer a command; no agent is asked."""
    agent, account = _section(env, text.account_id), env.settings.accounts.get(text.account_id)
    said = answer_command(
        command,
        words=words_of(agent, account),
        texts=_texts(env, text.account_id),
        number=text.sender,
        remembered=len(recalled.lines),
        waiting=len(work.records) - 1,
    )
    forgets = command is Command.NEW
    key = env.keys.history(work.conversation)
    return Answer(
        said=Said(texts=said), origin=Origin.NOTICE, memory=memory.forget(agent, key=key) if forgets else None
    )


async def _answer(work: Work, env: Environment, texts: tuple[InboundText, ...], recalled: Recalled) -> Answer:
    """Ask the agent."""
    agent = _section(env, texts[-1].account_id)
    if agent.still_working_after_s > 0:
        said = await _ask_patiently(work, env, texts, recalled, told_after_s=agent.still_working_after_s)
    else:
        said = await _ask(work, env, texts, recalled)
    if not memory.keeps_history(agent):
        return Answer(said=said, origin=Origin.AGENT, memory=None)
    now_ms = time.time_ns() // 1_000_000
    # What a model left over is no more for its next turn than for the person.
    written = tuple(filter(None, map(without_artifacts, said.texts))) if agent.strip_artifacts else said.texts
    lines = (*memory.said_by_person(texts), *memory.said_to_person(written, now_ms))
    kept = memory.remember(recalled, lines, agent, key=env.keys.history(work.conversation), now_ms=now_ms)
    return Answer(said=said, origin=Origin.AGENT, memory=kept)


async def _ask_patiently(
    work: Work, env: Environment, texts: tuple[InboundText, ...], recalled: Recalled, *, told_after_s: float
) -> Said:
    """The same; the person is told when it takes long, if the account has words for it."""
    words = _texts(env, texts[-1].account_id).say(TextKey.WORKING, number=texts[-1].sender)
    if not words:
        return await _ask(work, env, texts, recalled)
    notice = _reply(work, texts[-1], Said(texts=(words,)), Origin.NOTICE, suffix="-working")
    async with telling(work, env.keys, notice, after_s=told_after_s):
        return await _ask(work, env, texts, recalled)


async def _ask(work: Work, env: Environment, texts: tuple[InboundText, ...], recalled: Recalled) -> Said:
    async with with_attachments(env, texts) as its_texts:
        return await ask(work, env, _turn(work, env, its_texts, texts[0], recalled))


def _turn(work: Work, env: Environment, texts: tuple[Text, ...], first: InboundText, recalled: Recalled) -> Turn:
    return Turn(
        key=reply_id(work),
        conversation=work.conversation,
        account_id=first.account_id,
        sender=first.sender,
        texts=texts,
        history=tuple(Line(role=Role(line.role), body=line.body, at_ms=line.at_ms) for line in recalled.lines),
        context=memory.context_of(recalled, sender=first.sender, texts=_texts(env, first.account_id)),
    )


async def bury_turn(work: Work, env: Environment) -> Burial:
    """Give up the texts of the turn, and apologise if the configuration says so; those behind it get their own turn.

    Only our own words go out: what an agent or its provider raised stays with the dead letter.
    """
    batch = _batch(work, env)
    newest = batch.texts[-1]
    words = _texts(env, newest.account_id).say(TextKey.APOLOGY, number=newest.sender)
    said = Said(texts=(words,)) if words and await may_speak(work, env) else Said()
    apology = _reply(work, newest, said, Origin.APOLOGY) if said else None
    return Burial(account_id=newest.account_id, records=work.records[: len(batch.texts)], apology=apology)


def reply_id(work: Work) -> str:
    """The id of what this turn says; derived, so that a turn that runs twice says the same."""
    return f"{work.conversation}-{work.turn}"


def _batch(work: Work, env: Environment) -> Batch:
    texts = [decode_inbound_text(record) for record in work.records]
    account_id = texts[0].account_id
    return next_batch(texts, words_of(_section(env, account_id), env.settings.accounts.get(account_id)))


def _section(env: Environment, account_id: str) -> AgentSection:
    return env.settings.agent_of(account_id)


def _guards_against_loops(env: Environment, account_id: str) -> bool:
    account = env.settings.accounts.get(account_id)
    return account is not None and account.loop_rounds > 0


def _texts(env: Environment, account_id: str) -> Texts:
    """The fixed texts of an account; those of before if it was removed meanwhile."""
    account = env.settings.accounts.get(account_id)
    return account.texts if account is not None else Texts(name=account_id)


def _reply(work: Work, newest: InboundText, said: Said, origin: Origin, *, suffix: str = "") -> Reply:
    return Reply(
        reply_id=f"{reply_id(work)}{suffix}",
        account_id=newest.account_id,
        conversation=work.conversation,
        to=newest.sender,
        texts=said.texts,
        media=said.media,
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
