"""What a sandbox knows before the first request: accounts, numbers with their webhooks, Messaging Services, tempo.

Plain data, built by the caller (`textgate up --sandbox`, a test) or by `default_config`. Names are Twilio's. A webhook
URL must be loopback: the sandbox signs like Twilio and must not be able to reach another machine.
"""

from typing import Literal

from msgspec import Struct

from sandbox.loopback import is_loopback_url

DEFAULT_ACCOUNT_SID = "AC5a9db0c5a9db0c5a9db0c5a9db0c5a9d"
DEFAULT_AUTH_TOKEN = "5a9db0c5a9db0c5a9db0c5a9db0c5a9d"  # noqa: S105 opens nothing but a sandbox
DEFAULT_NUMBER = "+12025550100"
"""In the range that is reserved for fiction (555-0100 to 555-0199): it can belong to nobody."""

SmsMethod = Literal["POST", "GET"]


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

    def __post_init__(self) -> None:
        check_webhook_url("sms_url", self.sms_url)
        check_webhook_url("sms_fallback_url", self.sms_fallback_url)


class SandboxService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Messaging Service: a pool of numbers that sends and receives as one."""

    sid: str
    account_sid: str
    numbers: tuple[str, ...]
    inbound_request_url: str = ""
    """Where a text to any number of the pool goes; empty: to the number's own webhook."""
    inbound_method: SmsMethod = "POST"
    fallback_url: str = ""
    use_inbound_webhook_on_number: bool = False
    """True: the numbers' own webhooks count although the service has one."""
    status_callback: str = ""
    """For messages that name none themselves."""
    smart_encoding: bool = True
    advanced_opt_out: bool = False
    """True: STOP, START and HELP arrive with `OptOutType`."""

    def __post_init__(self) -> None:
        check_webhook_url("inbound_request_url", self.inbound_request_url)
        check_webhook_url("fallback_url", self.fallback_url)


class SandboxConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a sandbox starts with."""

    accounts: tuple[SandboxAccount, ...]
    numbers: tuple[SandboxNumber, ...] = ()
    services: tuple[SandboxService, ...] = ()
    status_gap_s: float = 0.02
    """Between two states of an outbound message; real carriers take seconds."""
    list_lag_s: float = 0.0
    """How long a new message is missing from the list, as Twilio's list may lag; fetching by SID never lags."""
    callbacks: bool = True
    """False: messages advance, nobody is told."""


def default_config(*, sms_url: str = "", status_gap_s: float = 0.02) -> SandboxConfig:
    """One account with one number whose inbound texts go to `sms_url`."""
    return SandboxConfig(
        accounts=(SandboxAccount(account_sid=DEFAULT_ACCOUNT_SID, auth_token=DEFAULT_AUTH_TOKEN),),
        numbers=(SandboxNumber(number=DEFAULT_NUMBER, account_sid=DEFAULT_ACCOUNT_SID, sms_url=sms_url),),
        status_gap_s=status_gap_s,
    )


def check_webhook_url(name: str, url: str) -> None:
    """Refuse a webhook that leaves this machine.

    Raises: ValueError, naming the setting and what it expects.
    """
    if url and not is_loopback_url(url):
        raise ValueError(f"{name}: {url!r} is not an http(s) URL on this machine (127.0.0.1, ::1 or localhost)")
