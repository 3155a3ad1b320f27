"""Findings about the number: is it there, is it ours, can it text, may it text the US?"""

from collections.abc import Iterator

from shared.phone import mask
from workers.probe.check_account import locked_out
from workers.probe.facts import Facts, Missing
from workers.probe.finding import Finding, bad, good, unknown, warning
from workers.probe.numbers import needs_a2p
from workers.probe.route import Expectation, printable

NUMBER_FOUND = good("number-found", "The number belongs to the account and can text.")
NUMBER_MISSING = bad(
    "number-missing",
    "`fromNumber` is not a number of this account: nothing can be sent from it, and its texts go elsewhere.",
    "Correct `fromNumber` or `accountSid`. Twilio's console, Phone Numbers, Active numbers, lists what the account "
    "has; a "
    "parent account's numbers are not those of its subaccounts.",
)
NUMBER_IN_OTHER_ACCOUNT = bad(
    "number-in-other-account",
    "`fromNumber` belongs to another account that these credentials reach, usually a subaccount.",
    "Set `accountSid` and its token to that account, or move the number: Twilio's console, the number, Transfer.",
)
NUMBER_UNKNOWN = unknown(
    "number-unknown", "Whether the number is there could not be found out.", "Try again, with a longer `--timeout`."
)
NUMBER_NO_SMS = bad(
    "number-no-sms",
    "The number cannot text: it was bought for calls only, or the country has no texts on it.",
    "Buy a number with the capability SMS and set `fromNumber` to it.",
)
A2P_VERIFIED = good("a2p-verified", "The US number is registered for A2P 10DLC.")
A2P_MISSING = warning(
    "a2p-missing",
    "A US number that is not registered for A2P 10DLC: US carriers block what it sends (error 30034).",
    "Register brand and campaign: Twilio's console, Messaging, Regulatory Compliance; add the number to the campaign's "
    "Messaging Service.",
)
A2P_PENDING = warning(
    "a2p-pending",
    "The A2P 10DLC campaign of the US number is not approved yet: US carriers still block what it sends.",
    "Wait for the approval; it takes days to weeks.",
)
A2P_FAILED = warning(
    "a2p-failed",
    "The A2P 10DLC campaign of the US number was refused: US carriers block what it sends.",
    "Twilio's console, Messaging, Regulatory Compliance, shows what to correct.",
)

KINDS = (
    NUMBER_FOUND,
    NUMBER_MISSING,
    NUMBER_IN_OTHER_ACCOUNT,
    NUMBER_UNKNOWN,
    NUMBER_NO_SMS,
    A2P_VERIFIED,
    A2P_MISSING,
    A2P_PENDING,
    A2P_FAILED,
)


def check_number(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Is the configured number in the account?"""
    number = want.account.from_number
    if not number or locked_out(facts) is not None:
        return
    if isinstance(facts.numbers, Missing):
        yield NUMBER_UNKNOWN.found(f"Whether the account has {mask(number)} is not known: {facts.numbers.words}.")
        return
    if facts.numbers:
        return
    places = () if isinstance(facts.elsewhere, Missing) else facts.elsewhere
    for place in places:
        name = f" ({printable(place.name)})" if place.name else ""
        yield NUMBER_IN_OTHER_ACCOUNT.found(
            f"{mask(number)} belongs to account {place.account_sid}{name}, not to {want.account.account_sid}.",
            account_sid=place.account_sid,
        )
    if not places:
        yield NUMBER_MISSING.found(f"Account {want.account.account_sid} has no number {mask(number)}.")


def check_capability(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Can it text?"""
    for number in () if isinstance(facts.numbers, Missing) else facts.numbers:
        if not number.can_sms:
            yield NUMBER_NO_SMS.found(f"{mask(number.number)} has no SMS capability.", sid=number.sid)
        elif want.account.from_number:
            yield NUMBER_FOUND.found(f"The account has {mask(number.number)}, and it can text.", sid=number.sid)


def check_a2p(facts: Facts, _: Expectation) -> Iterator[Finding]:
    """Is a US number registered?"""
    if isinstance(facts.numbers, Missing) or isinstance(facts.service, Missing):
        return
    american = [number for number in facts.numbers if needs_a2p(number.number)]
    if not american:
        return
    label = mask(american[0].number) if len(american) == 1 else f"{len(american)} US numbers"
    if facts.service is None:
        yield A2P_MISSING.found(f"{label} is in no Messaging Service, so it is not registered for A2P 10DLC.")
        return
    campaigns = facts.service.campaigns
    if isinstance(campaigns, Missing):
        return
    states = {state.upper() for state in campaigns}
    service = f"Messaging Service {facts.service.sid}"
    if "VERIFIED" in states:
        yield A2P_VERIFIED.found(f"{service} has a verified A2P 10DLC campaign.")
    elif not states:
        yield A2P_MISSING.found(f"{service}, which holds {label}, has no A2P 10DLC campaign.")
    elif states <= {"FAILED", "SUSPENDED", "EXPIRED"}:
        yield A2P_FAILED.found(f"The A2P 10DLC campaign of {service} is {printable(min(states))}.")
    else:
        yield A2P_PENDING.found(f"The A2P 10DLC campaign of {service} is {printable(min(states))}.")


CHECKS = (check_number, check_capability, check_a2p)
