"""`python -m bench pipeline`: from the webhook to the request that reaches Twilio, beside other queues.

Signed webhooks, then three hops (echo agent, format, send to a stand-in on loopback), one worker process each. Textgate
keeps all its promises: policy, order, a journal before each send, Redis with its append-only file. The others stand
behind the handler that people write (`bench/peers/webhook.py`), do no formatting, and promise nothing. Latency is taken
at 30 % of each one's own throughput, from the time a text was due. Nothing is pinned: there are more processes than
cores. Rounds interleave; ratios are taken within a round, and their median counts.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
from redis import Redis

from bench import cores, servers
from bench.cost import cost_of
from bench.edge import NotArrivedError
from bench.fleet import commands, reset_commands
from bench.houses import CONTENDERS, STAGES, Contender, House, running, until
from bench.report import Outcome, Rounds, finish, options
from bench.targets import Targets
from shared.keys import Keys

SHARE = 0.3
SETTLE_S = 0.5
"""Until what a text leaves to do after its request is done."""
ALONE = 6
"""Texts that are sent one by one, so that each one's cost can be counted."""
UNKNOWN = 3_050_000
"""Number of the first of them: their senders have not texted before."""
PINNING = "nothing, for there are more processes than cores"


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    share: float
    latency_s: float
    idle_s: float
    workers: tuple[int, ...]


FULL = Size(rounds=5, share=1.0, latency_s=5.0, idle_s=6.0, workers=(1, 2))
QUICK = Size(rounds=1, share=0.2, latency_s=2.0, idle_s=2.0, workers=(1, 2))


def measure(size: Size, say: Callable[[str], None]) -> Rounds:
    """All rounds of all contenders that are installed here."""
    rounds: Rounds = {}
    missing: set[str] = set()
    for number in range(size.rounds):
        for contender in CONTENDERS:
            if contender.key in missing:
                continue
            say(f"round {number + 1} of {size.rounds}: {contender.name}")
            try:
                figures = one_round(contender, size)
            except servers.MissingPeerError as error:
                missing.add(contender.key)
                say(f"left out: {error}")
            except NotArrivedError as error:
                if contender.key == "textgate":
                    raise
                missing.add(contender.key)  # with its earlier rounds: a ratio needs all of them
                rounds.pop(contender.key, None)
                say(f"left out: {contender.name}: {error}")
            else:
                rounds.setdefault(contender.key, []).append(figures)
    return rounds


def one_round(contender: Contender, size: Size) -> dict[str, float]:
    """Every figure of one contender, once."""
    figures: dict[str, float] = {}
    for workers in size.workers:
        with running(contender, workers) as house:
            _warm(house)
            if workers == 1:
                figures |= _idle(house, size)
                if contender.key == "textgate":
                    figures |= _alone(house)
            per_s, cost = _drain(house, max(20, int(contender.count * size.share)))
            figures[f"per_s_{workers}"] = per_s
            if workers == 1:
                figures |= cost | _memory(house) | _latency(house, per_s * SHARE, size)
            figures["sent_twice"] = figures.get("sent_twice", 0) + house.edge.doubled
            if contender.key == "textgate" and house.edge.doubled:
                raise SystemExit(f"Textgate sent {house.edge.doubled} texts twice: no figure of this run counts")
    return figures


def _warm(house: House) -> None:
    house.feed(0, 20, 20.0)
    house.edge.wait_for(20)


def _idle(house: House, size: Size) -> dict[str, float]:
    """What a worker costs that has nothing to do."""
    time.sleep(SETTLE_S)
    reset_commands(house.redis)
    used_s = house.cpu_s()
    time.sleep(size.idle_s)
    asked = commands(house.redis)
    now_s = house.cpu_s()
    workers_s = sum(now_s[stage] - used_s[stage] for stage in STAGES)
    return {
        "idle_commands_per_s": round(asked / size.idle_s / len(STAGES), 2),
        "idle_cpu_ms_per_s": round(workers_s * 1000 / size.idle_s / len(STAGES), 2),
    }


def _alone(house: House) -> dict[str, float]:
    """Round trips, scripts and commands of one text while nothing else happens.

    The processes' housekeeping may fall into a measurement, so the cheapest of several texts counts.
    """
    found = []
    for number in range(ALONE):
        reset_commands(house.redis)
        house.feed(UNKNOWN + number, 1, 0.0)
        house.edge.wait_for(1)
        until(lambda: not house.redis.zcard(Keys().busy), "the text's lanes did not fall idle")
        found.append(cost_of(house.redis.info("all")))  # type: ignore[arg-type]  # redis-py: maybe async
    cheapest = min(found)
    return {
        "round_trips_per_text": cheapest.round_trips,
        "scripts_per_text": cheapest.scripts,
        "commands_alone_per_text": cheapest.commands,
    }


def _drain(house: House, count: int) -> tuple[float, dict[str, float]]:
    """Texts a second when all come at once, and what each costs Redis and each kind of process."""
    reset_commands(house.redis)
    before, used_s = _reads(house.redis), house.cpu_s()
    due = house.feed(1_000_000, count, 0.0)
    arrived = house.edge.wait_for(count)
    per_s = count / (max(arrived.values()) - min(due.values()))
    time.sleep(SETTLE_S)
    now_s = house.cpu_s()
    spent = {f"cpu_us_{kind}": round((now_s[kind] - used_s[kind]) / count * 1e6, 1) for kind in used_s}
    cost = {
        "commands_per_text": round(commands(house.redis) / count, 2),
        "reads_per_text": round((_reads(house.redis) - before) / count, 2),
        "cpu_us": round(sum(spent.values()), 1),
    }
    return round(per_s, 1), cost | spent


def _memory(house: House) -> dict[str, float]:
    """Of all processes but Redis, and of Redis, right after the drain."""
    pids = [pid for kind in house.roots if kind != "redis" for pid in house.pids(kind)]
    rss, pss = cores.memory_mb(pids)
    return {"rss_mb": rss, "pss_mb": pss, "redis_rss_mb": cores.memory_mb(house.pids("redis"))[0]}


def _latency(house: House, rate: float, size: Size) -> dict[str, float]:
    count = max(20, int(rate * size.latency_s))
    due = house.feed(2_000_000, count, rate)
    arrived = house.edge.wait_for(count)
    took = sorted((arrived[number] - since) * 1000 for number, since in due.items())
    return {
        f"{name}_ms": round(took[min(count - 1, int(count * q))], 2)
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999))
    }


def _reads(redis: Redis) -> int:
    """How often Redis has read from a socket: a pipeline of any length that arrives whole counts once."""
    stats: Any = redis.info("stats")
    return int(stats["total_reads_processed"])


def ratios(rounds: Rounds) -> dict[str, float]:
    """The median of the ratios within a round."""
    ours = rounds["textgate"]

    def against(key: str, figure: str) -> float | None:
        if key not in rounds:
            return None
        pairs = zip(ours, rounds[key], strict=True)
        return round(statistics.median(mine[figure] / theirs[figure] for mine, theirs in pairs), 2)

    peers = [key for key in rounds if key != "textgate"]
    best = [max(rounds[key][i]["per_s_1"] for key in peers) for i in range(len(ours))] if peers else []
    found = {
        "pipeline_throughput_vs_tuned_arq": against("tuned", "per_s_1"),
        "pipeline_throughput_vs_best_peer": round(
            statistics.median(mine["per_s_1"] / theirs for mine, theirs in zip(ours, best, strict=True)), 2
        )
        if best
        else None,
        "pipeline_p50_ms": statistics.median(mine["p50_ms"] for mine in ours),
        "pipeline_p99_ms": statistics.median(mine["p99_ms"] for mine in ours),
        "round_trips_per_text": statistics.median(mine["round_trips_per_text"] for mine in ours),
        "commands_per_text": statistics.median(mine["commands_alone_per_text"] for mine in ours),
        "idle_commands_per_s": statistics.median(mine["idle_commands_per_s"] for mine in ours),
    }
    if "per_s_2" in ours[0]:
        found["pipeline_two_workers_vs_one"] = round(
            statistics.median(mine["per_s_2"] / mine["per_s_1"] for mine in ours), 2
        )
    return {name: value for name, value in found.items() if value is not None}


TARGETS: Targets = {
    "pipeline_throughput_vs_tuned_arq": (">=", 5.0),
    "pipeline_throughput_vs_best_peer": (">=", 1.0),
    "pipeline_p50_ms": ("<=", 8.0),
    "pipeline_p99_ms": ("<=", 40.0),
    "pipeline_two_workers_vs_one": (">=", 1.0),
    "round_trips_per_text": ("<=", 8),
    "idle_commands_per_s": ("<=", 2.0),
}


def main(argv: list[str]) -> int:
    """Measure, print, write; the exit status."""
    chosen = options("pipeline", __doc__ or "", argv)
    size = QUICK if chosen.quick else FULL
    if chosen.rounds:
        size = msgspec.structs.replace(size, rounds=chosen.rounds)
    rounds = measure(size, lambda line: print(line, file=sys.stderr))
    named = {contender.key: contender.name for contender in CONTENDERS}
    outcome = Outcome(rounds=rounds, names=named, ratios=ratios(rounds), targets=TARGETS, pinning=PINNING)
    return finish("pipeline", chosen, outcome)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
