"""The checks of `textgate doctor`: each a small function over facts that gives what it found. Pure."""

from collections.abc import Callable, Iterator

from cli.channels_words import mask_numbers, plural
from cli.doctor_facts import DoctorFacts
from cli.doctor_found import Found, bad, compare_clocks, ok, unknown, warn
from cli.doctor_inside import INSIDE_CHECKS
from workers.probe.overrides import EXAMPLE, parse_overrides


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
        yield compare_clocks("twilio-clock", "Twilio's", facts.twilio_skew_ms)


def _sentence(words: str) -> str:
    """With a capital, but for a command in backticks."""
    return words[:1].upper() + words[1:]


CHECKS: tuple[Callable[[DoctorFacts], Iterator[Found]], ...] = (
    check_configuration,
    check_dangers,
    check_agents,
    check_retries,
    check_gateway,
    check_local_route,
    check_twilio_clock,
)
