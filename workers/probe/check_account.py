"""Findings about the account itself: credentials, status, trial, money, and whether Twilio answers at all."""

from collections.abc import Iterator

from workers.probe.facts import Cause, Facts, Missing
from workers.probe.finding import Finding, bad, good, unknown, warning
from workers.probe.route import Expectation

CREDENTIALS_GOOD = good("credentials-good", "Twilio accepts the credentials.")
WRONG_CREDENTIALS = bad(
    "wrong-credentials",
    "Twilio refuses the credentials (20003): the token or key is wrong, was rotated, or belongs to another account.",
    "Compare `accountSid` and `authToken` (or the API key) with Twilio's console, Account Info. After a rotation set "
    "the "
    "new token.",
)
ACCOUNT_NOT_FOUND = bad(
    "account-not-found",
    "The credentials are good, but not for this account (20404): `accountSid` names another one.",
    "Set `accountSid` to the account that the key or token belongs to, or take a key of that account.",
)
ACCOUNT_SUSPENDED = bad(
    "account-suspended",
    "The account is suspended or closed (20005): nothing is sent or received.",
    "Twilio's console, Billing, shows why; ask Twilio's support if it does not.",
)
TRIAL_ACCOUNT = warning(
    "trial-account",
    "A trial account texts only numbers that were verified with it (21608), and puts its own words before each text.",
    "Upgrade in Twilio's console, or verify each number: Phone Numbers, Verified Caller IDs.",
)
NO_BALANCE = bad(
    "no-balance", "The account has no money left: Twilio sends nothing.", "Add funds: Twilio's console, Billing."
)
# Source: Twilio's help, "What happens if my Twilio balance reaches zero?", "I haven't upgraded, why are there charges?"
TRIAL_USED_UP = warning(
    "trial-balance-used-up",
    "The free balance of the trial is used up. Twilio suspends accounts without money; what a trial still gets through "
    "is charged when it is upgraded.",
    "Upgrade and add funds: Twilio's console, Billing.",
)
LOW_BALANCE = warning(
    "low-balance",
    "The account's balance is below `workers.probe.lowBalance`.",
    "Add funds or switch auto-recharge on: Twilio's console, Billing.",
)
TWILIO_UNREACHABLE = unknown(
    "twilio-unreachable",
    "Twilio's API did not answer, so nothing about its side is known.",
    "Look at this machine's network and at status.twilio.com, then try again, perhaps with a longer `--timeout`.",
)
DETAILS_UNKNOWN = warning(
    "details-unknown",
    "Something that is good to know could not be read; the webhook itself was checked. A restricted API key may lack "
    "the "
    "right to read it.",
    "Try again; if it stays, give the API key these rights, or use the auth token.",
)

KINDS = (
    CREDENTIALS_GOOD,
    WRONG_CREDENTIALS,
    ACCOUNT_NOT_FOUND,
    ACCOUNT_SUSPENDED,
    TRIAL_ACCOUNT,
    NO_BALANCE,
    TRIAL_USED_UP,
    LOW_BALANCE,
    TWILIO_UNREACHABLE,
    DETAILS_UNKNOWN,
)


def locked_out(facts: Facts) -> Cause | None:
    """Why nothing at all could be asked; None if something could.

    A restricted API key may be refused the account and the numbers, as wrong credentials are, and still read the log.
    """
    if not isinstance(facts.account, Missing) or not isinstance(facts.numbers, Missing):
        return None
    cause = facts.account.cause
    if cause in (Cause.CREDENTIALS, Cause.FORBIDDEN) and not isinstance(facts.log, Missing):
        return None
    return cause if cause is facts.numbers.cause else None


def check_access(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Do the credentials open the account?"""
    match locked_out(facts):
        case Cause.CREDENTIALS:
            yield WRONG_CREDENTIALS.found(
                f"Twilio refuses the {_credential(want)} of account {want.account.id} (error 20003).",
                code=20003,
                credential=_credential(want),
            )
        case Cause.NOT_FOUND:
            yield ACCOUNT_NOT_FOUND.found(f"The {_credential(want)} is good, but not for {want.account.account_sid}.")
        case Cause.INACTIVE:
            yield ACCOUNT_SUSPENDED.found("The account is suspended or closed (error 20005).", code=20005)
        case Cause.UNREACHABLE | Cause.REFUSED | Cause.FORBIDDEN | Cause.NOT_ASKED:
            words = facts.account.words if isinstance(facts.account, Missing) else ""
            yield TWILIO_UNREACHABLE.found(f"Twilio's API did not answer as it should: {words or 'no answer'}.")
        case None:
            yield CREDENTIALS_GOOD.found(f"Twilio accepts the {_credential(want)}.")


def check_status(facts: Facts, _: Expectation) -> Iterator[Finding]:
    """Is the account active, and is it a trial?"""
    if isinstance(facts.account, Missing):
        return
    if facts.account.status != "active":
        yield ACCOUNT_SUSPENDED.found(f"The account's status is {facts.account.status}.", status=facts.account.status)
    if facts.account.kind == "Trial":
        yield TRIAL_ACCOUNT.found("This is a trial account: it texts verified numbers only.")


def check_balance(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Is there money?"""
    if isinstance(facts.balance, Missing):
        return
    amount, currency = facts.balance.amount, facts.balance.currency
    is_trial = not isinstance(facts.account, Missing) and facts.account.kind == "Trial"
    if amount <= 0:
        kind, whose = (TRIAL_USED_UP, "trial's balance") if is_trial else (NO_BALANCE, "balance")
        yield kind.found(f"The {whose} is {amount:.2f} {currency}.", balance=amount, currency=currency)
    elif amount < want.low_balance:
        yield LOW_BALANCE.found(
            f"The balance is {amount:.2f} {currency}, below {want.low_balance:g}.", balance=amount, currency=currency
        )


def check_details(facts: Facts, _: Expectation) -> Iterator[Finding]:
    """What could not be read besides what decides."""
    if locked_out(facts) is not None:
        return
    campaigns = None if isinstance(facts.service, Missing) or facts.service is None else facts.service.campaigns
    details = {
        "account": facts.account,
        "balance": facts.balance,
        "alerts": facts.alerts,
        "message log": facts.log,
        "A2P registration": campaigns,
    }
    missing = {
        name: fact.cause.value
        for name, fact in details.items()
        if isinstance(fact, Missing) and fact.cause is not Cause.NOT_ASKED
    }
    if missing:
        words = ", ".join(f"{name} ({cause})" for name, cause in missing.items())
        yield DETAILS_UNKNOWN.found(f"Could not be read: {words}.", missing=missing)


def _credential(want: Expectation) -> str:
    return "API key" if want.account.api_key_sid and want.account.api_key_secret else "auth token"


CHECKS = (check_access, check_status, check_balance, check_details)
