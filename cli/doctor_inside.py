"""The checks of `textgate doctor` over what Redis knows: the server, workers, queues, what was left behind. Pure."""

import re
from collections.abc import Callable, Iterator

from cli.channels_words import duration, iso, mask_numbers, plural
from cli.doctor_facts import DoctorFacts, Inside
from cli.doctor_found import Found, bad, compare_clocks, ok, unknown, warn
from shared.data_version import decide_refusal
from shared.keys import PROBE, Stage
from shared.settings import Durability
from workers.probe.finding import Severity, Verdict

STUCK_MS = 60_000


def check_server(facts: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """Version, cluster, memory."""
    server, durability = inside.server, facts.gateway.settings.redis.durability
    version = tuple(int(digits) for digits in re.findall(r"\d+", server.version)[:2])
    if server.is_cluster:
        yield bad("redis-cluster", "This is Redis Cluster.", "Use a single server, Sentinel or a managed one.")
    if version and version < (6, 2):
        yield bad("redis-version", f"Redis {server.version} is too old.", "Use 6.2 or newer; 7.2 for `always`.")
    elif durability is Durability.ALWAYS and version and version < (7, 2):
        advice = "Use 7.2 or newer, or another redis.durability."
        yield bad("redis-version", f"Redis {server.version} cannot confirm `redis.durability: always`.", advice)
    else:
        yield ok("redis-version", f"Redis {server.version}.")
    if server.maxmemory_policy in ("noeviction", "unknown"):
        yield ok("redis-memory", "Redis drops nothing when its memory is full.")
    else:
        sentence = f"Redis drops keys when its memory is full (maxmemory-policy {server.maxmemory_policy})."
        yield bad("redis-memory", sentence, "Set `maxmemory-policy noeviction`: a text that is dropped is lost.")


def check_data(facts: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """May this version work on what is stored?"""
    target = facts.gateway.target
    refusal = decide_refusal(inside.data, prefix=target.prefix if target else facts.gateway.settings.redis.prefix)
    if refusal is not None:
        yield bad("data-version", f"{refusal.found}.", f"{refusal.expected.capitalize()}.")
    elif inside.data is not None:
        yield ok("data-version", f"The stored data has version {inside.data.version}, which this version knows.")


def check_persistence(facts: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """Does the server keep what `redis.durability` promises?"""
    server, durability = inside.server, facts.gateway.settings.redis.durability
    if durability is Durability.MEMORY:
        advice = "Set redis.durability to everysec, and `appendonly yes` at the server."
        yield warn("redis-persistence", "redis.durability is memory: texts die with Redis.", advice)
    elif not server.has_aof:
        sentence = f"redis.durability is {durability.value}, but the server has no append-only file."
        yield bad("redis-persistence", sentence, "Set `appendonly yes` at the server.")
    elif server.appendfsync == "no":
        advice = "Set `appendfsync everysec` or `always` at the server."
        yield bad("redis-persistence", "The server leaves writing to the operating system (appendfsync no).", advice)
    else:
        yield ok("redis-persistence", f"Append-only file, fsync {server.appendfsync or 'unknown'}.")


def check_clock(_: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """Ours against that of Redis."""
    yield compare_clocks("clock", "Redis'", inside.server.skew_ms)


def check_workers(_: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """Is there one of each?"""
    for stage, facts in inside.live.stages.items():
        if facts.workers:
            yield ok("workers", f"{stage.value}: {plural(facts.workers, 'worker')}.")
        else:
            yield bad("workers", f"{stage.value}: no worker is alive.", f"Start `textgate worker {stage.value}`.")
    if inside.probe_workers:
        yield ok("workers", f"{PROBE}: {plural(inside.probe_workers, 'worker')}.")
    else:
        sentence = f"{PROBE}: no worker is alive, so nobody notices a wrong webhook or fetches texts that were missed."
        yield warn("workers", sentence, "Start `textgate worker probe`.")


def check_queues(_: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """Is anything waiting that should not?"""
    slow = {stage: facts for stage, facts in inside.live.stages.items() if facts.due and facts.oldest_ms > STUCK_MS}
    for stage, facts in slow.items():
        sentence = f"{stage.value}: {facts.due} due, the oldest for {duration(facts.oldest_ms)}."
        yield bad("queues", sentence, f"Start more of `textgate worker {stage.value}`, and look at its log.")
    if not slow:
        yield ok("queues", f"{', '.join(stage.value for stage in Stage)}: nothing has been due for long.")


def check_pauses(_: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """Is sending stopped?"""
    for account_id, facts in inside.live.accounts.items():
        if facts.pause is not None:
            pause = facts.pause
            sentence = f"Account {account_id} is paused since {iso(pause.since_ms)}: {mask_numbers(pause.message)}."
            advice = f"{mask_numbers(pause.hint)} Then `textgate account resume {account_id}`."
            yield bad("paused", sentence, advice.strip())


def check_dead_letters(_: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """Was anything given up?"""
    if inside.live.dead_letters:
        count = plural(inside.live.dead_letters, "dead letter waits", "dead letters wait")
        yield warn("dead-letters", f"{count} for you.", "`textgate deadletter list` says why.")


def check_orphans(_: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """Does work wait for an account that is not there?"""
    for account_id, count in inside.orphans.items():
        sentence = f"{plural(count, 'conversation')} of account {account_id} with work, but it is removed or off."
        yield warn("removed-account", sentence, "Configure it again, and it goes on within a minute.")


def check_probes(facts: DoctorFacts, inside: Inside) -> Iterator[Found]:
    """What is known of Twilio's side."""
    fresh = facts.fresh or {}
    for account_id in inside.probes:
        result = fresh.get(account_id) or inside.probes[account_id]
        if result is None:
            advice = "`textgate channels status --probe`, or `textgate doctor --probe`."
            yield warn("probe", f"Account {account_id}: Twilio's side has not been looked at.", advice)
            continue
        age_ms = max(0, facts.now_ms - result.probed_ms)
        words = f"Account {account_id}: {result.verdict.value} {duration(age_ms)} ago"
        if result.verdict is Verdict.GOOD:
            told = [finding for finding in result.findings if finding.severity is Severity.WARNING]
            words += ", with a warning" if told else ""
        else:
            told = list(result.findings[:1])
        make = {Verdict.BAD: bad, Verdict.UNKNOWN: unknown}.get(result.verdict, warn)
        for finding in told:
            yield make("probe", f"{words}: {mask_numbers(finding.sentence)}", mask_numbers(finding.hint))
        if not told:
            yield ok("probe", f"{words}.")


INSIDE_CHECKS: tuple[Callable[[DoctorFacts, Inside], Iterator[Found]], ...] = (
    check_server,
    check_data,
    check_persistence,
    check_clock,
    check_workers,
    check_queues,
    check_pauses,
    check_dead_letters,
    check_orphans,
    check_probes,
)
