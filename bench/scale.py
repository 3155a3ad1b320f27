"""`python -m bench scale`: what one text costs as the house grows. It must stay flat.

The same number of texts goes through the whole pipeline with 1, 4 and 8 workers per stage, with 10, 10,000 and
1,000,000 known conversations, and behind 100,000 waiting texts. Counted: commands that Redis ran (those inside scripts
too), bytes that it received and sent, and, for information only, the time; and the
memory of an idle conversation.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis

from bench import servers
from bench.edge import Edge
from bench.fleet import commands, reset_commands
from bench.pipeline import Feed, textgate
from bench.report import RESULTS, machine
from bench.webhooks import NUMBER
from cli.embedded_redis import EmbeddedRedis
from shared.admission import Gate, Keyword, admit
from shared.keys import Keys, conversation_id
from shared.records import InboundText
from shared.scripts import Call

TEXTS = 1000
BATCH = 2000
FLAT = 1.15
"""How far a row may lie above the first one."""
LATER_MS = 3_600_000


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
QUICK = (
    ROWS[0],
    Row(name="2 workers per stage", workers=2),
    Row(name="1,000 conversations", conversations=1000),
    Row(name="1,000 waiting texts", waiting=1000),
)


def measure(rows: tuple[Row, ...], texts: int, say: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """The figures of each row, by name."""
    found = {}
    for row in rows:
        say(row.name)
        found[row.name] = _row(row, texts)
    return found


def _row(row: Row, texts: int) -> dict[str, float]:
    with _house(row.workers) as (feed, edge, redis):
        feed(0, 20, 20.0)
        edge.wait_for(20)
        bytes_each = _know(redis, row.conversations)
        _let_wait(redis, row.waiting)
        reset_commands(redis)
        sent_before = _traffic(redis)
        due = feed(1_000_000, texts, 0.0)
        arrived = edge.wait_for(texts)
        if edge.doubled:
            raise SystemExit(f"{edge.doubled} texts were sent twice: no figure of this run counts")
        return {
            "commands_per_text": round(commands(redis) / texts, 2),
            "bytes_per_text": round((_traffic(redis) - sent_before) / texts),
            "ms_per_text": round((max(arrived.values()) - min(due.values())) * 1000 / texts, 3),
            **({"bytes_per_idle_conversation": bytes_each} if row.conversations >= 1000 else {}),
        }


@contextmanager
def _house(workers: int) -> Iterator[tuple[Feed, Edge, Redis]]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(EmbeddedRedis(folder / "r", appendfsync="everysec")).url
        edge = Edge(stack.enter_context(servers.stand_in()))
        feed = stack.enter_context(textgate(folder, url, edge, workers))
        yield feed, edge, stack.enter_context(Redis.from_url(url))


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


def _traffic(redis: Redis) -> int:
    stats: Any = redis.info("stats")
    return int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"])


def not_flat(rows: dict[str, dict[str, float]]) -> list[str]:
    """The rows whose commands or bytes per text lie more than 15 % above the first row's."""
    first = next(iter(rows.values()))
    return [
        f"{name}: {figure} {figures[figure]:g}, first row {first[figure]:g}"
        for name, figures in rows.items()
        for figure in ("commands_per_text", "bytes_per_text")
        if figures[figure] > first[figure] * FLAT
    ]


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def main(argv: list[str]) -> int:
    """Measure, print, write; the exit status: 1 if a row is not flat."""
    parser = argparse.ArgumentParser(prog="python -m bench scale", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--quick", action="store_true", help="small rows; nothing is written to bench/results")
    chosen = parser.parse_args(argv)
    rows = measure(QUICK, 300, _say) if chosen.quick else measure(ROWS, TEXTS, _say)
    report = {"machine": machine(), "texts": TEXTS, "rows": rows, "missed": not_flat(rows)}
    if not chosen.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "scale.json").write_text(json.dumps(report, indent=2) + "\n")
    if chosen.json:
        print(json.dumps(report, indent=2))
    else:
        for name, figures in rows.items():
            print(
                f"{name:40}" + "".join(f"{figure.replace('_', ' ')} {value:<12g}" for figure, value in figures.items())
            )
    for line in not_flat(rows):
        _say(f"not flat: {line}")
    return 1 if report["missed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
