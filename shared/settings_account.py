"""One Twilio number, ready for use: merged, normalised, checked, its secrets resolved."""

import datetime
from pathlib import Path
from typing import ClassVar

import msgspec

from shared.agent_backends import Backend, EchoBackend
from shared.phone import RCS, Address
from shared.secrets import Secret
from shared.settings_agent import AgentSection
from shared.settings_channels import AccountSection, DmPolicy
from shared.settings_number_rules import LoopGuardSection, OptOutSection, RateLimits
from shared.texts import Texts

_DEFAULTS = AccountSection()

LOOP_ROUNDS = 15
"""Twilio itself cuts two numbers off after 30 texts between them, each within 30 s of the one before (error 14107):
15 rounds. Ours must be much quicker than that, or a lively chat would count."""


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who texts a person: a number or an RCS sender, or the Messaging Service that picks one."""

    number: str | None
    service_sid: str | None

    @property
    def id(self) -> str:
        """What tells it from others; empty if there is none."""
        return self.number or self.service_sid or ""


class QuietHours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours in which texts are held back; local time, the end not included."""

    RECIPIENT: ClassVar[str] = "recipient"
    """The time zone of whoever is texted."""

    start: datetime.time
    until: datetime.time
    time_zone: str
    """`RECIPIENT`, or a zone that exists."""
    replies: bool
    """Answers, too."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the other parts know of an account. `shared/settings_sections.py` says what each setting means."""

    id: str
    account_sid: str
    """Twilio's id; empty only for an account that is not enabled."""
    name: str = ""
    """A label for people; empty when none is set."""
    enabled: bool = True
    auth_token: Secret | None = None
    auth_token_secondary: Secret | None = None
    webhook_signing_keys: dict[str, Secret] = {}
    """Secret by the id of its SharedKey at Twilio."""
    api_key_sid: str | None = None
    api_key_secret: Secret | None = None
    from_number: Address | None = None
    messaging_service_sid: str | None = None
    rcs_sender: str | None = None
    default_to: Address | None = None
    public_webhook_url: str | None = None
    """As configured, fragment included; `signed_url` is what Twilio signs."""
    webhook_path: str = _DEFAULTS.webhook_path
    dm_policy: DmPolicy = _DEFAULTS.dm_policy
    allow_from: frozenset[Address] = frozenset()
    """Numbers that always pass, under `pairing` and `allowlist`."""
    allow_all: bool = False
    """`"*"` stood in `allowFrom`; only ever true under `open` and `disabled`."""
    dangerously_disable_signature_validation: bool = False
    text_chunk_limit: int = _DEFAULTS.text_chunk_limit
    part_counters: bool = _DEFAULTS.part_counters
    media_max_mb: float = _DEFAULTS.media_max_mb
    rate_limits: RateLimits = _DEFAULTS.rate_limits
    block_from: frozenset[Address] = frozenset()
    """Senders that never get in."""
    loop_guard: LoopGuardSection = _DEFAULTS.loop_guard
    pairing_max_pending: int = _DEFAULTS.pairing_max_pending
    pairing_notify: Address | None = None
    segments_per_second: float = _DEFAULTS.segments_per_second
    account_segments_per_second: float = _DEFAULTS.account_segments_per_second
    daily_segment_cap: int = _DEFAULTS.daily_segment_cap
    time_zone: str = _DEFAULTS.time_zone
    """IANA; of the account's day."""
    smart_encoding: bool = _DEFAULTS.smart_encoding
    opt_out: OptOutSection = _DEFAULTS.opt_out
    validity_s: int | None = _DEFAULTS.validity_s
    quiet_hours: QuietHours | None = None
    texts: Texts = Texts()
    """The fixed texts, in its language and with its own words."""
    agent: AgentSection = AgentSection()
    """All `agent` blocks that concern it, laid over each other."""
    media_folder: Path | None = None
    """Absolute; from here an answer may name files to be sent."""
    backend: Backend = EchoBackend()
    """What answers; of an account that is not enabled it says nothing."""

    @property
    def language(self) -> str:
        """The language of its fixed texts."""
        return self.texts.language

    @property
    def label(self) -> str:
        """The name for people, else the id."""
        return self.name or self.id

    @property
    def sender(self) -> str:
        """What identifies the sending side: the number, else the Messaging Service; empty if there is neither."""
        return self.from_number or self.messaging_service_sid or ""

    def sender_to(self, to: str) -> Sender:
        """Who texts this person. Over RCS: the RCS sender, else the Messaging Service, which may hold one.

        Source: Twilio, "Send and receive RCS messages": `rcs:` before the recipient forces RCS.
        """
        if to.startswith(RCS) and (self.rcs_sender or self.messaging_service_sid):
            return Sender(number=self.rcs_sender, service_sid=None if self.rcs_sender else self.messaging_service_sid)
        return Sender(number=self.from_number, service_sid=None if self.from_number else self.messaging_service_sid)

    @property
    def loop_rounds(self) -> int:
        """After how many rounds at a machine's speed a conversation rests; 0: never. Who lifts the limit per minute
        expects machines."""
        if self.loop_guard.rounds is not None:
            return self.loop_guard.rounds
        return LOOP_ROUNDS if self.rate_limits.per_sender_per_minute else 0

    @property
    def receives(self) -> bool:
        """Whether it has a webhook route: without a URL to check signatures against, it only sends."""
        return self.enabled and (self.public_webhook_url is not None or self.dangerously_disable_signature_validation)

    @property
    def signed_url(self) -> str | None:
        """The public URL without the fragment, which Twilio never signs."""
        return None if self.public_webhook_url is None else self.public_webhook_url.partition("#")[0]

    @property
    def signing_tokens(self) -> tuple[Secret, ...]:
        """The tokens a signature may be made with: the current one, then the one of a rotation."""
        return tuple(token for token in (self.auth_token, self.auth_token_secondary) if token is not None)

    @property
    def rest_credentials(self) -> tuple[str, Secret] | None:
        """User name and password for Twilio's API: the API key if there is one, else SID and auth token."""
        if self.api_key_sid is not None and self.api_key_secret is not None:
            return self.api_key_sid, self.api_key_secret
        return None if self.auth_token is None else (self.account_sid, self.auth_token)
