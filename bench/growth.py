"""What a number of texts a day takes: the arithmetic of docs/scale.md, from what the benches measured. Pure.

Everything grows with the texts, so it is multiplication; the assumptions are the constants below, and the page says
them. A text is one inbound text with its reply.
"""

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.summary import Reports

DAY_S = 86_400
PEAK = 5
"""The busiest second over the mean of the day."""
SEGMENTS = 2
"""Of a reply, which is one message."""
CALLBACKS = 2
"""That Twilio posts about a message: sent, delivered."""
BUSY = 0.5
"""Share of a core that may be used at the peak: the rest is for bursts, restarts and rewriting the file."""
REDIS_GB = 48
"""Of memory that one Redis is given."""
LONG_CODE_PER_S = 1
SHORT_CODE_PER_S = 100
CAMPAIGN_PER_S = 225
"""The most that a registered US campaign (A2P 10DLC) is allowed, in segments a second."""
ACCOUNT_PER_S = 2000
"""Messages a second of an account with its subaccounts: Twilio's error 63017."""

VOLUMES = tuple(10**power for power in range(4, 10))


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Of one text with its callbacks, from the benches."""

    cpu_us: dict[str, float]
    """By kind of process: ingress, agent, format, outbound, redis."""
    commands: float
    bytes: float
    aof_bytes: float
    conversation_bytes: float
    """Of an idle conversation, not of a text."""
    kept_byte_days: float


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What a volume takes."""

    texts_a_day: int
    mean_per_s: float
    peak_per_s: float
    segments_per_s: float
    """At the peak."""
    commands_per_s: float
    redis_mb_per_s: float
    cores: dict[str, float]
    """By kind of process, at the peak and BUSY."""
    memory_gb: float
    """Conversations and what is kept of texts, in a steady state."""
    aof_gb_a_day: float
    """Written before Redis rewrites the file down to what is in memory."""
    redis: int
    """Servers, by processor or by memory, whichever needs more."""
    long_codes: int
    short_codes: int
    campaigns: int
    accounts: int

    @property
    def all_cores(self) -> float:
        """Of all processes together."""
        return sum(self.cores.values())


def measured(reports: Reports) -> Measured | None:
    """What the arithmetic needs; None until pipeline and scale have been run."""
    if not {"pipeline", "scale"} <= reports.keys():
        return None
    text: dict[str, float] = reports["pipeline"]["contenders"]["Textgate"]
    scale: dict[str, Any] = reports["scale"]
    first: dict[str, float] = next(iter(scale["contenders"].values()))
    told: dict[str, float] = scale["callback"]
    kinds = [name for name in text if name.startswith("cpu_us_")]
    return Measured(
        cpu_us={name.removeprefix("cpu_us_"): text[name] + CALLBACKS * told.get(name, 0.0) for name in kinds},
        commands=first["commands_per_text"] + CALLBACKS * told["commands"],
        bytes=first["bytes_per_text"] + CALLBACKS * told["bytes"],
        aof_bytes=first["aof_bytes_per_text"] + CALLBACKS * told["aof_bytes"],
        conversation_bytes=scale["ratios"]["bytes_per_idle_conversation"],
        kept_byte_days=scale["kept_byte_days_per_text"],
    )


def need(texts_a_day: int, text: Measured) -> Need:
    """What this volume takes. One known conversation per text of a day; each is remembered for 30 days."""
    mean = texts_a_day / DAY_S
    peak = mean * PEAK
    cores = {kind: peak * us / 1e6 / BUSY for kind, us in text.cpu_us.items()}
    memory_gb = texts_a_day * (text.conversation_bytes + text.kept_byte_days) / 1e9
    return Need(
        texts_a_day=texts_a_day,
        mean_per_s=mean,
        peak_per_s=peak,
        segments_per_s=peak * SEGMENTS,
        commands_per_s=peak * text.commands,
        redis_mb_per_s=peak * text.bytes / 1e6,
        cores=cores,
        memory_gb=memory_gb,
        aof_gb_a_day=texts_a_day * text.aof_bytes / 1e9,
        redis=max(1, math.ceil(cores.get("redis", 0.0)), math.ceil(memory_gb / REDIS_GB)),
        long_codes=math.ceil(peak * SEGMENTS / LONG_CODE_PER_S),
        short_codes=math.ceil(peak * SEGMENTS / SHORT_CODE_PER_S),
        campaigns=math.ceil(peak * SEGMENTS / CAMPAIGN_PER_S),
        accounts=math.ceil(peak / ACCOUNT_PER_S),
    )


def ceiling(text: Measured) -> str:
    """What one Redis carries by its processor, beside what one Twilio account may send."""
    per_s = BUSY * 1e6 / text.cpu_us["redis"]
    share = ACCOUNT_PER_S * text.cpu_us["redis"] / 1e6
    return (
        f"One Redis, its core half busy, carries {_said(per_s)} texts a second: {_said(per_s / PEAK * DAY_S)} a day\n"
        f"with the peak above. The {ACCOUNT_PER_S:,} messages a second that Twilio takes from one account are\n"
        f"{share:.0%} of that core, if each of them answers a text."
    )


def table_rows(text: Measured) -> Iterator[tuple[str, ...]]:
    """A row per figure, a column per volume: for people."""
    needs = [need(volume, text) for volume in VOLUMES]
    yield ("texts a second, mean", *(_said(each.mean_per_s) for each in needs))
    yield ("texts a second, peak", *(_said(each.peak_per_s) for each in needs))
    yield ("segments out a second, peak", *(_said(each.segments_per_s) for each in needs))
    yield ("Redis commands a second, peak", *(_said(each.commands_per_s) for each in needs))
    yield ("MB a second to and from Redis, peak", *(_said(each.redis_mb_per_s) for each in needs))
    for kind in text.cpu_us:
        words = {"ingress": "ingress", "redis": "Redis"}.get(kind, f"{kind} workers")
        yield (f"cores: {words}", *(_said(each.cores[kind]) for each in needs))
    yield ("cores, all", *(_said(each.all_cores) for each in needs))
    yield ("GB of Redis' memory", *(_said(each.memory_gb) for each in needs))
    yield ("GB a day into append-only files", *(_said(each.aof_gb_a_day) for each in needs))
    yield ("**Redis servers**", *(f"**{each.redis:,}**" for each in needs))
    yield ("Twilio: long codes", *(f"{each.long_codes:,}" for each in needs))
    yield ("or: short codes", *(f"{each.short_codes:,}" for each in needs))
    yield ("or: US campaigns at their most", *(f"{each.campaigns:,}" for each in needs))
    yield ("**Twilio accounts**", *(f"**{each.accounts:,}**" for each in needs))


def _said(value: float) -> str:
    """Two digits that say something, and no more precision than the assumptions have."""
    if value < 0.01:
        return "< 0.01"
    digits = max(0, 1 - math.floor(math.log10(value)))
    return f"{round(value, 1 - math.floor(math.log10(value))):,.{digits}f}"
