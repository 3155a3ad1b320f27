"""What is remembered of a conversation: its lines, and the typed calls that read and write them.

Who may write, and what a crash leaves: `lua/lib/history.lua`. What is kept of it is decided in `workers/memory.py`.
Redis keys: history, and the field `forgotten` of the conversation.
"""

from typing import Any

import msgspec

from shared.keys import Keys
from shared.records import HistoryLine, decode_history_line, encode
from shared.scripts import Call, script

ALL = -1
"""Drop every line: the history starts afresh."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit does to the history: drop the `drop` oldest lines, then add `lines`."""

    key: str
    drop: int
    lost: int
    """Lines that are forgotten by that: the dropped ones, and those of the turn itself that are not kept."""
    lines: tuple[HistoryLine, ...]
    most: int
    """Lines that are kept at most, whoever adds some."""
    ttl_ms: int

    def words(self) -> tuple[Any, ...]:
        """What `remember` in `lua/lib/history.lua` takes."""
        return (self.drop, self.lost, self.most, self.ttl_ms, *(encode(line) for line in self.lines))


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored, oldest first."""

    lines: tuple[HistoryLine, ...] = ()
    forgotten: int = 0
    """Lines that were dropped before them, since the history started afresh."""


def load_history(*, keys: Keys, conversation: str) -> Call:
    """Read the history of a conversation; decode the reply with `history_of`."""
    return Call(script("history"), (keys.history(conversation), keys.conversation(conversation)), ())


def history_of(reply: list[Any]) -> History:
    """The history in the script's reply."""
    lines, forgotten = reply
    return History(lines=tuple(decode_history_line(raw) for raw in lines), forgotten=int(forgotten or 0))
