"""`python -m bench scale`: what one text costs as the house grows. It must stay flat.

The same number of texts goes through the whole pipeline with 1, 4 and 8 workers per stage, with 10, 10,000 and
1,000,000 known conversations, and behind 100,000 waiting texts. Counted: commands that Redis ran (those inside scripts
too), bytes that it received, sent and wrote to its append-only file, and, for information only, the time; further the
memory of an idle conversation, and what a text that is done leaves behind.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
from redis import Redis

from bench.callbacks import cost_of_callbacks
from bench.fleet import commands, reset_commands
from bench.houses import CONTENDERS, House, running
from bench.kept import byte_days, kept
from bench.pipeline import PINNING, SETTLE_S
from bench.report import Outcome, Rounds, finish, medians, options
from bench.targets import Targets
from bench.webhooks import NUMBER
from shared.admission import admit
from shared.gate import Gate, Keyword
from shared.keys import Keys, conversation_id
from shared.records import InboundText
from shared.scripts import Call

WARM = 20
BATCH = 2000
FLAT = 1.15
"""How far a row may lie above the first one."""
TARGETS: Targets = {
    "scale_commands_dearest_row_vs_first": ("<=", FLAT),
    "scale_bytes_dearest_row_vs_first": ("<=", FLAT),
}
MEMORY = "bytes_per_idle_conversation"
LATER_MS = 3_600_000


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    texts: int


FULL = Size(rounds=3, texts=1000)
QUICK = Size(rounds=1, texts=300)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One size of the house."""

    name: str
    workers: int = 1
    conversations: int = 10
    waiting: int = 0


ROWS = (
    Row(name="1 worker per stage, 10 conversations"),
    Row(name="4 workers per stage", workers=4),
    Row(name="8 workers per stage", workers=8),
    Row(name="10,000 conversations", conversations=10_000),
    Row(name="1,000,000 conversations", conversations=1_000_000),
    Row(name="100,000 waiting texts", waiting=100_000),
)
QUICK_ROWS = (
    ROWS[0],
    Row(name="2 workers per stage", workers=2),
    Row(name="1,000 conversations", conversations=1000),
    Row(name="1,000 waiting texts", waiting=1000),
)


def measure(rows: tuple[Row, ...], size: Size, say: Callable[[str], None]) -> tuple[Rounds, dict[str, Any]]:
    """The figures of each row in each round, by name; and what only one row can tell: of callbacks, of what is kept."""
    rounds: Rounds = {}
    more: dict[str, Any] = {}
    for number in range(size.rounds):
        for row in rows:
            say(f"round {number + 1} of {size.rounds}: {row.name}")
            with running(CONTENDERS[0], row.workers) as house:
                rounds.setdefault(row.name, []).append(_row(house, row, size.texts))
                if row is rows[0]:
                    more = _aftermath(house, size.texts)
    return rounds, more


def _aftermath(house: House, texts: int) -> dict[str, Any]:
    """What the texts of a row leave behind, and what it costs to be told that they were delivered."""
    left = kept(house.redis, Keys(), texts + WARM)
    return {
        "kept": {name: msgspec.to_builtins(kind) for name, kind in left.items()},
        "kept_byte_days_per_text": byte_days(left),
        "callback": msgspec.to_builtins(cost_of_callbacks(house, house.target, texts)),
    }


def _row(house: House, row: Row, texts: int) -> dict[str, float]:
    redis = house.redis
    redis.config_set("auto-aof-rewrite-percentage", 0)  # so that the file never shrinks
    house.feed(0, WARM, 20.0)
    house.edge.wait_for(WARM)
    bytes_each = _know(redis, row.conversations)
    _let_wait(redis, row.waiting)
    reset_commands(redis)
    sent_before, written_before = house.traffic(), house.written()
    due = house.feed(1_000_000, texts, 0.0)
    arrived = house.edge.wait_for(texts)
    if house.edge.doubled:
        raise SystemExit(f"{house.edge.doubled} texts were sent twice: no figure of this run counts")
    time.sleep(SETTLE_S)
    return {
        "commands_per_text": round(commands(redis) / texts, 2),
        "bytes_per_text": round((house.traffic() - sent_before) / texts),
        "aof_bytes_per_text": round((house.written() - written_before) / texts),
        "ms_per_text": round((max(arrived.values()) - min(due.values())) * 1000 / texts, 3),
        **({MEMORY: bytes_each} if row.conversations >= 1000 else {}),
    }


def _know(redis: Redis, count: int) -> float:
    """Copy what a conversation leaves behind when it has fallen idle, `count` times; its bytes in memory each.

    The texts of the last minutes (seen, part, sid, answer) expire by themselves and are not counted: they belong to a
    text, not to a conversation.
    """
    keys = Keys()
    known = next(iter(redis.scan_iter(match=keys.conversation("*"), count=1000)))
    image: Any = redis.dump(known)
    before = int(redis.info("memory")["used_memory"])  # type: ignore[index]  # redis-py: maybe async
    pipe = redis.pipeline(transaction=False)
    for index in range(count):
        key = keys.conversation(conversation_id("bench", f"+1444{index:08d}"))
        pipe.restore(key, 2_592_000_000, image)
        if index % BATCH == BATCH - 1:
            pipe.execute()
    pipe.execute()
    return round((int(redis.info("memory")["used_memory"]) - before) / count, 1)  # type: ignore[index]  # redis-py: maybe async


def _let_wait(redis: Redis, count: int) -> None:
    """Texts of other people whose quiet window lasts an hour, each in a lane of its own."""
    keys = Keys()
    gate = Gate(
        policy="open",
        sender_per_minute=0,
        account_per_minute=0,
        pairing_max_pending=0,
        debounce_ms=LATER_MS,
    )
    now_ms = time.time_ns() // 1_000_000
    pipe = redis.pipeline(transaction=False)
    for index in range(count):
        sender = f"+1333{index:08d}"
        text = InboundText(
            message_sid=f"SMwait{index}",
            account_id="default",
            conversation=conversation_id("default", sender),
            sender=sender,
            recipient=NUMBER,
            body="Are you there?",
            received_ms=now_ms,
        )
        call = admit(keys=keys, gate=gate, text=text, listed=True, keyword=Keyword.NONE, now_ms=now_ms)
        _load(redis, call)
        pipe.execute_command(*call.command())  # type: ignore[no-untyped-call]  # redis-py
        if index % BATCH == BATCH - 1:
            pipe.execute()
    pipe.execute()


_loaded: set[str] = set()


def _load(redis: Redis, call: Call) -> None:
    if call.script.sha not in _loaded:
        redis.script_load(call.script.source)
        _loaded.add(call.script.sha)


def ratios(rounds: Rounds) -> dict[str, float]:
    """How far the dearest row lies above the first one, and the memory of a conversation where there are most."""
    rows = {name: medians(figures) for name, figures in rounds.items()}
    first = next(iter(rows.values()))
    found = {
        f"scale_{figure}_dearest_row_vs_first": round(
            max(figures[f"{figure}_per_text"] for figures in rows.values()) / first[f"{figure}_per_text"], 3
        )
        for figure in ("commands", "bytes")
    }
    idle = [figures[MEMORY] for figures in rows.values() if MEMORY in figures]
    return found | ({MEMORY: idle[-1]} if idle else {})


def main(argv: list[str]) -> int:
    """Measure, print, write; the exit status: 1 if a row is not flat."""
    chosen = options("scale", __doc__ or "", argv)
    size = QUICK if chosen.quick else FULL
    if chosen.rounds:
        size = msgspec.structs.replace(size, rounds=chosen.rounds)
    rounds, more = measure(QUICK_ROWS if chosen.quick else ROWS, size, lambda line: print(line, file=sys.stderr))
    outcome = Outcome(
        rounds=rounds,
        names={name: name for name in rounds},
        ratios=ratios(rounds),
        targets=TARGETS,
        pinning=PINNING,
        more={"texts": size.texts, **more},
    )
    return finish("scale", chosen, outcome)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
