"""What an agent is told of the conversation so far, and what is remembered of a turn: pure decisions.

The bounds are those of `agent.history`. They hold for what is stored and for what an agent is handed, which may be
less: lines grow old while nobody texts.
"""

import msgspec

from shared.history import ALL, History, Memory
from shared.moments import moment
from shared.phone import mask
from shared.records import HistoryLine, InboundText
from shared.settings import AgentKind, AgentSection
from shared.texts import DEFAULT_LANGUAGE, Texts, languages
from workers.agents.contract import Role

HOUR_MS = 3600 * 1000


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """What of the stored history counts for a turn."""

    lines: tuple[HistoryLine, ...]
    forgotten: int
    """Lines before them that are no longer known."""
    drop: int
    """How many of the stored lines are not among them; `ALL`: the conversation starts afresh."""


NOTHING = Recalled(lines=(), forgotten=0, drop=0)


def keeps_history(agent: AgentSection) -> bool:
    """Whether anything is remembered: an echo has no use for it."""
    return agent.history.messages > 0 and agent.kind is not AgentKind.ECHO


def recall(stored: History, agent: AgentSection, now_ms: int) -> Recalled:
    """The lines that are young and few enough at `now_ms`, when the turn's first text came; none after long silence."""
    if not stored.lines:
        return NOTHING
    silence_ms = now_ms - stored.lines[-1].at_ms
    if agent.idle_reset_min and silence_ms > agent.idle_reset_min * 60_000:
        return Recalled(lines=(), forgotten=0, drop=ALL)
    drop = _too_many(stored.lines, agent, now_ms)
    return Recalled(lines=stored.lines[drop:], forgotten=stored.forgotten + drop, drop=drop)


def remember(
    recalled: Recalled, said: tuple[HistoryLine, ...], agent: AgentSection, *, key: str, now_ms: int
) -> Memory:
    """What the commit of a turn does to the history, so that with what was `said` in it the bounds hold again."""
    cut = tuple(_cut(line, agent.history.characters) for line in said)
    drop = _too_many((*recalled.lines, *cut), agent, now_ms)
    old = min(drop, len(recalled.lines))
    return Memory(
        key=key,
        drop=ALL if recalled.drop == ALL else recalled.drop + old,
        lost=drop + max(recalled.drop, 0),
        lines=cut[drop - old :],
        most=agent.history.messages,
        ttl_ms=int(agent.history.hours * HOUR_MS),
    )


def forget(agent: AgentSection, *, key: str) -> Memory:
    """The history starts afresh."""
    return Memory(
        key=key, drop=ALL, lost=0, lines=(), most=agent.history.messages, ttl_ms=int(agent.history.hours * HOUR_MS)
    )


def said_by_person(texts: tuple[InboundText, ...]) -> tuple[HistoryLine, ...]:
    """The person's side of a turn."""
    return tuple(HistoryLine(role=Role.USER.value, body=_body(text), at_ms=text.received_ms) for text in texts)


def said_to_person(texts: tuple[str, ...], now_ms: int) -> tuple[HistoryLine, ...]:
    """Our side, as it was written."""
    return tuple(HistoryLine(role=Role.ASSISTANT.value, body=text, at_ms=now_ms) for text in texts)


def context_of(recalled: Recalled, *, sender: str, texts: Texts) -> str:
    """One or two sentences for an agent's system prompt: with whom it talks, and what it no longer knows."""
    begin = f"You answer text messages to {texts.name}. The person's number is {mask(sender)}."
    if texts.language != DEFAULT_LANGUAGE:
        begin += f" The language of this number is {languages()[texts.language]}."
    if not recalled.lines:
        return f"{begin} This is the beginning of the conversation."
    since = moment(recalled.lines[0].at_ms).strftime("%Y-%m-%d %H:%M UTC")
    lost = f"; {recalled.forgotten} earlier messages are no longer known" if recalled.forgotten else ""
    return f"{begin} You know the conversation since {since}{lost}."


def _too_many(lines: tuple[HistoryLine, ...], agent: AgentSection, now_ms: int) -> int:
    """How many of the oldest lines have to go."""
    bounds = agent.history
    eldest_ms = now_ms - bounds.hours * HOUR_MS
    kept = characters = 0
    for line in reversed(lines):
        characters += len(line.body)
        if kept == bounds.messages or characters > bounds.characters or line.at_ms < eldest_ms:
            break
        kept += 1
    return len(lines) - kept


def _cut(line: HistoryLine, characters: int) -> HistoryLine:
    """A single line that is longer than the whole history may be keeps its beginning."""
    return line if len(line.body) <= characters else msgspec.structs.replace(line, body=line.body[:characters])


def _body(text: InboundText) -> str:
    attached = [f"[attachment: {media.content_type or 'unknown type'}]" for media in text.media]
    return "\n".join([*([text.body] if text.body else []), *attached])
