"""What was found out about one account before anything is judged. Values, no I/O.

A fact that could not be had is a fact too: `Missing`, with its cause. Nothing here holds a token (Twilio's account
resource carries one: it is not taken over), a text, or the number of anybody but the account's own.
"""

from enum import StrEnum
from typing import TypeAlias, TypeVar

import msgspec

_Fact = TypeVar("_Fact")


class Cause(StrEnum):
    """Why a fact could not be had."""

    CREDENTIALS = "credentials"
    """Twilio refused them (20003)."""
    INACTIVE = "inactive"
    """The account is suspended or closed (20005)."""
    NOT_FOUND = "not-found"
    """There is no such thing for these credentials (20404)."""
    FORBIDDEN = "forbidden"
    """These credentials may do other things, not this."""
    UNREACHABLE = "unreachable"
    """No answer: network, time limit, Twilio down."""
    REFUSED = "refused"
    """Any other refusal of Twilio's."""
    NOT_ASKED = "not-asked"
    """There was no need, or nothing to ask with."""


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that could not be had; `words` says so in one sentence without numbers or secrets."""

    cause: Cause
    words: str = ""


NOT_ASKED = Missing(cause=Cause.NOT_ASKED)

Known: TypeAlias = _Fact | Missing


class AccountFact(msgspec.Struct, frozen=True, kw_only=True):
    """The account at Twilio."""

    sid: str
    kind: str
    """`Trial` or `Full`."""
    status: str
    """`active`, `suspended` or `closed`."""


class BalanceFact(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to spend."""

    amount: float
    currency: str


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """Where something sends its inbound texts. Empty: nowhere."""

    url: str
    method: str
    fallback_url: str


class NumberFact(msgspec.Struct, frozen=True, kw_only=True):
    """One of our numbers, as the account holds it."""

    sid: str
    number: str
    account_sid: str
    hook: Hook
    application_sid: str
    """An application whose webhook counts instead of the number's; empty: none."""
    can_sms: bool
    can_mms: bool


class ApplicationFact(msgspec.Struct, frozen=True, kw_only=True):
    """A TwiML application that a number points at."""

    sid: str
    name: str
    hook: Hook


class ServiceFact(msgspec.Struct, frozen=True, kw_only=True):
    """A Messaging Service: the configured one, or one that holds the configured number."""

    sid: str
    name: str
    hook: Hook
    defers_to_number: bool
    pool: frozenset[str]
    """SIDs of its numbers, as far as they were listed."""
    campaigns: Known[tuple[str, ...]]
    """States of its A2P 10DLC campaigns, such as `VERIFIED`."""


class LoggedText(msgspec.Struct, frozen=True, kw_only=True):
    """One inbound text in Twilio's log: that it exists, and nothing of what it says or who sent it."""

    sid: str
    created_s: float


class LogFact(msgspec.Struct, frozen=True, kw_only=True):
    """The newest inbound texts to our numbers, newest first, and which of them are not known here."""

    inbound: tuple[LoggedText, ...]
    not_arrived: Known[frozenset[str]]
    """SIDs that admission has never seen."""


class AlertFact(msgspec.Struct, frozen=True, kw_only=True):
    """How often Twilio noted an error about one address within the last day."""

    code: int
    url: str
    """Without query and fragment."""
    count: int
    newest_s: float


class PlaceFact(msgspec.Struct, frozen=True, kw_only=True):
    """Another account in reach of these credentials that holds the number."""

    account_sid: str
    name: str


class OutsideAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What our public address answered to one request."""

    status: int
    is_ours: bool
    """It carried our mark (`Textgate-Route`)."""
    mark: str = ""
    location: str = ""
    """Where a redirect points; only its scheme and host."""


class OutsideFact(msgspec.Struct, frozen=True, kw_only=True):
    """Our public address, looked at from outside."""

    webhook: Known[OutsideAnswer]
    """An unsigned POST to the webhook."""
    health: Known[OutsideAnswer]
    """GET /healthz on the same host; many set-ups expose only the webhook, so its absence alone means nothing."""
    trouble: str = ""
    """`dns`, `connect`, `tls`, `timeout`, `broken` if the webhook did not answer; `private` if it was not asked."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one account."""

    account: Known[AccountFact] = NOT_ASKED
    balance: Known[BalanceFact] = NOT_ASKED
    numbers: Known[tuple[NumberFact, ...]] = NOT_ASKED
    """Our number; or, for a Messaging Service, the numbers of its pool."""
    elsewhere: Known[tuple[PlaceFact, ...]] = NOT_ASKED
    """Asked for only if the number was not found."""
    service: Known[ServiceFact | None] = NOT_ASKED
    """The configured service, or the one that the configured number sits in; None: in none."""
    applications: dict[str, Known[ApplicationFact]] = {}
    log: Known[LogFact] = NOT_ASKED
    alerts: Known[tuple[AlertFact, ...]] = NOT_ASKED
    geo_refusals: Known[int] = NOT_ASKED
    """Dead letters of the last day that Twilio refused for their region (21408)."""
    outside: Known[OutsideFact] = NOT_ASKED
    now_s: float
    """Unix time of the probe."""
