"""The checks of `textgate doctor`: each a small function over facts that gives what it found. Pure."""

import re
from collections.abc import Callable, Iterator

import msgspec

from cli.channels_words import duration, iso, mask_numbers, plural
from cli.doctor_facts import DoctorFacts, Inside
from shared.data_version import decide_refusal
from shared.keys import PROBE, Stage
from shared.settings import Durability
from workers.probe.finding import Severity, Verdict
from workers.probe.overrides import EXAMPLE, parse_overrides

STUCK_MS = 60_000
SKEW_MS = 5_000
"""Twilio's log and our cursor are compared by the clock; paces and leases go by that of Redis."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One result: `name` is stable, for programs."""

    name: str
    result: Severity
    sentence: str
    advice: str = ""


def ok(name: str, sentence: str) -> Found:
    """As it should be."""
    return Found(name=name, result=Severity.OK, sentence=sentence)


def warn(name: str, sentence: str, advice: str) -> Found:
    """It works, and deserves a look."""
    return Found(name=name, result=Severity.WARNING, sentence=sentence, advice=advice)


def bad(name: str, sentence: str, advice: str) -> Found:
    """Texts are lost, refused or kept waiting."""
    return Found(name=name, result=Severity.BAD, sentence=sentence, advice=advice)


def unknown(name: str, sentence: str, advice: str) -> Found:
    """It could not be found out."""
    return Found(name=name, result=Severity.UNKNOWN, sentence=sentence, advice=advice)


def examine(facts: DoctorFacts) -> list[Found]:
    """Every check, in the order in which a person should read them."""
    found = [each for check in CHECKS for each in check(facts)]
    if facts.inside is not None:
        found += [each for look in INSIDE_CHECKS for each in look(facts, facts.inside)]
    return found


def check_configuration(facts: DoctorFacts) -> Iterator[Found]:
    """It was loaded; its secrets too, unless they are at hand only where the gateway runs."""
    settings, blind = facts.gateway.settings, facts.gateway.blind
    if blind is not None and not _runs(facts):
        yield bad("configuration", f"{blind}.", "Correct it; `textgate config validate` tells when it is right.")
        return
    accounts = plural(len(settings.enabled_accounts), "account is", "accounts are")
    yield ok("configuration", f"{settings.source or 'The environment alone'} is valid; {accounts} switched on.")
    if not settings.accounts:
        yield bad(
            "accounts", "No account is configured.", "`textgate init` sets one up; `textgate up --sandbox` tries."
        )
    elif blind is not None:
        yield warn(
            "secrets",
            f"{blind}.",
            "The gateway runs with it; set it here too for what asks Twilio (`--probe`, `--fix`).",
        )
    else:
        yield ok("secrets", "Every secret that the configuration points at could be read.")


def _runs(facts: DoctorFacts) -> bool:
    """Whether some process of the gateway lives, here or elsewhere."""
    if facts.gateway.running is not None or any(status == 405 for status in facts.routes.values()):
        return True
    return facts.inside is not None and any(stage.workers for stage in facts.inside.live.stages.values())


def check_dangers(facts: DoctorFacts) -> Iterator[Found]:
    """What loads but deserves a look, and what lets strangers in."""
    for warning in facts.gateway.settings.warnings:
        key, colon, rest = mask_numbers(warning).partition(": ")
        yield warn("settings", f"{key}{colon}{rest}", f"Change {key}, unless you mean it.")


def check_agents(facts: DoctorFacts) -> Iterator[Found]:
    """Can each agent be loaded? Workers that run keep their old one if not, and new ones do not start."""
    for account_id, refusal in facts.agents.items():
        if refusal is None:
            label = facts.gateway.settings.accounts[account_id].agent.label
            yield ok("agent", f"Account {account_id}: its agent can be loaded ({label}).")
        else:
            advice = "Mend it. If the agent workers run on another machine, ask there."
            yield bad("agent", f"Account {account_id}: {refusal}.", advice)


def check_retries(facts: DoctorFacts) -> Iterator[Found]:
    """A 503 is safe only if Twilio tries again, or somebody catches up."""
    catches_up = bool(facts.gateway.settings.workers.probe.catch_up_hours)
    for account in facts.gateway.settings.accounts.values():
        if not account.receives or account.public_webhook_url is None:
            continue
        if parse_overrides(account.public_webhook_url).survives_5xx:
            yield ok("retries", f"Account {account.id}: Twilio tries again after a 5xx.")
            continue
        later = "late, when the probe worker catches up" if catches_up else "never"
        advice = f"Add `{EXAMPLE}` to its publicWebhookUrl, then `textgate channels status --fix`."
        sentence = f"Account {account.id}: Twilio does not try again after a 5xx; such a text arrives {later}."
        yield warn("retries", sentence, advice) if catches_up else bad("retries", sentence, advice)


def check_gateway(facts: DoctorFacts) -> Iterator[Found]:
    """Does anything run?"""
    if facts.inside is not None:
        yield ok("redis", "Redis answers.")
    elif facts.gateway.target is None:
        yield unknown("redis", f"{_sentence(facts.gateway.absence)}.", f"{_sentence(facts.gateway.remedy)}.")
    else:
        yield bad("redis", f"{facts.trouble}.", "Start it, or correct TEXTGATE_REDIS_URL or redis.url.")


def check_local_route(facts: DoctorFacts) -> Iterator[Found]:
    """Does the local ingress have the webhook's route?"""
    for account_id, status in facts.routes.items():
        path = facts.gateway.settings.accounts[account_id].webhook_path
        where = f"{facts.ingress_url}{path}"
        if status == 405:
            yield ok("ingress", f"Account {account_id}: the ingress serves {where}.")
        elif status is None:
            advice = "Start `textgate ingress` or `textgate up`; if it runs on another machine, ask there."
            yield unknown("ingress", f"Account {account_id}: nobody answers at {where}.", advice)
        else:
            advice = "Another program has this port, or the ingress runs with another configuration: compare both."
            yield bad("ingress", f"Account {account_id}: {where} answers {status}, not as our webhook does.", advice)


def check_twilio_clock(facts: DoctorFacts) -> Iterator[Found]:
    """With --probe only."""
    if facts.twilio_skew_ms is not None:
        yield _clock("twilio-clock", "Twilio's", facts.twilio_skew_ms)


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
    yield _clock("clock", "Redis'", inside.server.skew_ms)


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


def _sentence(words: str) -> str:
    """With a capital, but for a command in backticks."""
    return words[:1].upper() + words[1:]


def _clock(name: str, whose: str, skew_ms: int) -> Found:
    if abs(skew_ms) <= SKEW_MS:
        return ok(name, f"This machine's clock and {whose} agree.")
    way = "behind" if skew_ms > 0 else "ahead of"
    return warn(name, f"This machine's clock is {duration(abs(skew_ms))} {way} {whose}.", "Set it by NTP.")


CHECKS: tuple[Callable[[DoctorFacts], Iterator[Found]], ...] = (
    check_configuration,
    check_dangers,
    check_agents,
    check_retries,
    check_gateway,
    check_local_route,
    check_twilio_clock,
)
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
