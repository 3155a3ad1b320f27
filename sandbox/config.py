"""What a sandbox knows before the first request: accounts, numbers with their webhooks, Messaging Services, tempo.

Plain data, built by the caller (`textgate up --sandbox`, a test) or by `default_config`. Names are Twilio's. Any web
address may be configured, as at Twilio; it is posted to only if it is loopback (`sandbox/poster.py`).
"""

from hashlib import blake2b
from typing import Literal

from msgspec import Struct

from sandbox.loopback import is_loopback_url

DEFAULT_ACCOUNT_SID = "AC5a9db0c5a9db0c5a9db0c5a9db0c5a9d"
DEFAULT_AUTH_TOKEN = "5a9db0c5a9db0c5a9db0c5a9db0c5a9d"  # noqa: S105 opens nothing but a sandbox
DEFAULT_NUMBER = "+12025550100"
"""In the range that is reserved for fiction (555-0100 to 555-0199): it can belong to nobody."""

SmsMethod = Literal["POST", "GET"]
AccountStatus = Literal["active", "suspended", "closed"]


class SandboxAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Twilio account and what opens it."""

    account_sid: str
    auth_token: str
    """Opens the API and signs the webhooks."""
    api_keys: dict[str, str] = {}
    """API key SID (`SK…`) to its secret: opens the API, signs nothing."""
    trial: bool = False
    """Every body gets the trial prefix, and only `verified` numbers can be texted."""
    verified: tuple[str, ...] | None = None
    """The verified numbers of a trial account; None: all of them."""
    status: AccountStatus = "active"
    """One that is not active is refused (20005); its parent can still look at it."""
    owner_account_sid: str = ""
    """The parent of a subaccount, whose credentials open it too; empty: this is no subaccount."""
    friendly_name: str = "Sandbox"
    balance: str = "100.00"
    """As Twilio gives it: text; for a subaccount it is the parent's."""
    currency: str = "USD"
    stop_filtering: bool = True
    """False: Twilio's support has switched the default handling of STOP and START off."""


class SandboxNumber(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A phone number of an account, and where an inbound text is posted. An empty URL: nowhere.

    Several accounts may hold the same number: a text goes to the one that the phone's text names, or else to the first.
    """

    number: str
    account_sid: str
    sms_url: str = ""
    sms_method: SmsMethod = "POST"
    sms_fallback_url: str = ""
    """Called when `sms_url` failed and was not, or no longer, to be tried again."""
    sms_fallback_method: SmsMethod = "POST"
    sms_application_sid: str = ""
    """An application whose URLs count instead of those of the number."""
    sms: bool = True
    """The capability; False: the number can only call."""
    mms: bool = True
    voice_url: str = ""
    """Of calls; here so that a test can see that nobody touches it."""

    @property
    def sid(self) -> str:
        """`PN…`, the same in every run."""
        return derived_sid("PN", self.account_sid, self.number)


class SandboxApplication(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TwiML application: URLs that several numbers can share."""

    sid: str
    account_sid: str
    sms_url: str = ""
    sms_method: SmsMethod = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: SmsMethod = "POST"
    friendly_name: str = "Sandbox application"
    voice_url: str = ""


class SandboxService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Messaging Service: a pool of numbers that sends and receives as one."""

    sid: str
    account_sid: str
    numbers: tuple[str, ...]
    friendly_name: str = "Sandbox service"
    inbound_request_url: str = ""
    """Where a text to any number of the pool goes; empty: nowhere."""
    inbound_method: SmsMethod = "POST"
    fallback_url: str = ""
    fallback_method: SmsMethod = "POST"
    use_inbound_webhook_on_number: bool = False
    """True: the numbers' own webhooks count, whatever the service has."""
    status_callback: str = ""
    """For messages that name none themselves."""
    smart_encoding: bool = True
    advanced_opt_out: bool = False
    """True: STOP, START and HELP arrive with `OptOutType`."""
    campaigns: tuple[str, ...] = ()
    """The states of its A2P 10DLC campaigns, such as `VERIFIED` or `IN_PROGRESS`."""


class SandboxConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a sandbox starts with."""

    accounts: tuple[SandboxAccount, ...]
    numbers: tuple[SandboxNumber, ...] = ()
    services: tuple[SandboxService, ...] = ()
    applications: tuple[SandboxApplication, ...] = ()
    status_gap_s: float = 0.02
    """Between two states of an outbound message; real carriers take seconds."""
    list_lag_s: float = 0.0
    """How long a new message is missing from the list, as Twilio's list may lag; fetching by SID never lags."""
    callbacks: bool = True
    """False: messages advance, nobody is told."""


def default_config(*, sms_url: str = "", status_gap_s: float = 0.02) -> SandboxConfig:
    """One account with one number whose inbound texts go to `sms_url`.

    Raises: ValueError if that leaves this machine.
    """
    check_webhook_url("sms_url", sms_url)
    return SandboxConfig(
        accounts=(SandboxAccount(account_sid=DEFAULT_ACCOUNT_SID, auth_token=DEFAULT_AUTH_TOKEN),),
        numbers=(SandboxNumber(number=DEFAULT_NUMBER, account_sid=DEFAULT_ACCOUNT_SID, sms_url=sms_url),),
        status_gap_s=status_gap_s,
    )


def derived_sid(prefix: str, *of: str) -> str:
    """A SID that follows from what it names."""
    return prefix + blake2b("\0".join(of).encode(), digest_size=16).hexdigest()


def check_webhook_url(name: str, url: str) -> None:
    """Refuse a webhook that leaves this machine.

    Raises: ValueError, naming the setting and what it expects.
    """
    if url and not is_loopback_url(url):
        raise ValueError(f"{name}: {url!r} is not an http(s) URL on this machine (127.0.0.1, ::1 or localhost)")
