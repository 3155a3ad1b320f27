"""The section `channels.sms`: every key of a Twilio number, its type, its default and what it means, once.

The names are those of OpenClaw's SMS channel, so that a block can be brought along as it is; the keys that OpenClaw
does not have are additions with a default.
"""

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.secrets import SecretInput
from shared.settings_agent import AgentSection
from shared.settings_number_rules import LoopGuardSection, OptOutSection, QuietHoursSection, RateLimits
from shared.settings_section import Count, Section, Text
from shared.settings_texts import TextsSection
from shared.texts import DEFAULT_LANGUAGE

MAX_VALIDITY_S = 36_000
"""Source: Twilio, Messages resource, "ValidityPeriod"."""

Validity = Annotated[int, Meta(ge=1, le=MAX_VALIDITY_S)]

PhoneInput = Annotated[str | int, Meta(extra={"expected": "a phone number such as +15551234567"})]
"""A number as people write it: `"+15551234567"`, `"sms:+15551234567"` or `15551234567`."""


class DmPolicy(enum.StrEnum):
    """Who may talk to the agent."""

    PAIRING = "pairing"
    ALLOWLIST = "allowlist"
    OPEN = "open"
    DISABLED = "disabled"


class AccountSection(Section, frozen=True):
    """The keys of one Twilio number: `channels.sms` itself, and each entry of `channels.sms.accounts`."""

    enabled: Annotated[bool, Meta(description="Off: no webhook route, and sending is refused.")] = True
    name: Annotated[Text | None, Meta(description="A label for people.")] = None
    account_sid: Annotated[
        Text | None,
        Meta(description="Twilio account: `AC` and 32 hex digits. A placeholder loads, with a warning."),
    ] = None
    auth_token: Annotated[
        SecretInput | None,
        Meta(description="Verifies webhooks; REST credential too, unless an API key is given."),
    ] = None
    auth_token_secondary: Annotated[
        SecretInput | None,
        Meta(description="Also accepted for signatures, while the auth token is being rotated."),
    ] = None
    webhook_signing_keys: Annotated[
        dict[str, SecretInput],
        Meta(
            description=(
                "SharedKeys that Twilio may sign webhooks with instead of the auth token, by their id "
                "(`webhooks_sharedkey_…`); the request names the one that was used."
            )
        ),
    ] = msgspec.field(default_factory=dict)
    api_key_sid: Annotated[
        Text | None, Meta(description="REST credential instead of the auth token: `SK` and 32 hex digits.")
    ] = None
    api_key_secret: Annotated[SecretInput | None, Meta(description="The secret of `apiKeySid`.")] = None
    from_number: Annotated[
        PhoneInput | None, Meta(description="The number that texts come from. Wins over `messagingServiceSid`.")
    ] = None
    messaging_service_sid: Annotated[
        Text | None, Meta(description="A pool of senders: `MG` and 32 hex digits. Used when no `fromNumber` is set.")
    ] = None
    rcs_sender: Annotated[
        Text | None,
        Meta(
            description=(
                "An RCS sender, `rcs:brand_agent`: its texts are taken in, and who writes over RCS is answered by it. "
                "Unset: by the Messaging Service."
            )
        ),
    ] = None
    default_to: Annotated[
        PhoneInput | None,
        Meta(description="Where automation and the agent send when they name nobody. The CLI never uses it."),
    ] = None
    public_webhook_url: Annotated[
        Text | None,
        Meta(
            description=(
                "The URL exactly as configured in Twilio: scheme, host, path, query. A `#…` fragment holds Twilio's "
                "connection overrides and is not signed. Without it nothing is received, only sent."
            )
        ),
    ] = None
    webhook_path: Annotated[
        str, Meta(description="The local route; it may differ from the public path. Each account needs its own.")
    ] = "/webhooks/sms"
    dm_policy: Annotated[
        DmPolicy,
        Meta(
            description=(
                "`pairing`: unknown senders get a code that the owner approves. `allowlist`: only `allowFrom` and "
                "approved senders. `open`: everybody. `disabled`: nobody."
            )
        ),
    ] = DmPolicy.PAIRING
    allow_from: Annotated[
        tuple[PhoneInput, ...] | str,
        Meta(
            extra={"expected": 'a list of phone numbers, or "*"'},
            description=(
                'Numbers that always pass. `allowlist` needs at least one; `open` needs `"*"`, which no other policy '
                "but `disabled` takes."
            ),
        ),
    ] = ()
    block_from: Annotated[
        tuple[PhoneInput, ...],
        Meta(
            extra={"expected": "a list of phone numbers"},
            description="Senders that are dropped silently, whatever else lets them in: numbers, short codes or names.",
        ),
    ] = ()
    dangerously_disable_signature_validation: Annotated[
        bool, Meta(description="Accept webhooks from anybody. Only for a tunnel to your own machine.")
    ] = False
    text_chunk_limit: Annotated[
        int, Meta(ge=1, le=1600, description="Longest outbound part in characters; Twilio takes 1600 at most.")
    ] = 1500
    part_counters: Annotated[
        bool, Meta(description="Begin each of several parts with `(1/3) `, within `textChunkLimit`.")
    ] = False
    media_max_mb: Annotated[
        float, Meta(gt=0, le=1000, description="Largest attachment that is fetched, in megabytes.")
    ] = 5
    rate_limits: Annotated[RateLimits, Meta(description="Inbound limits.")] = RateLimits()
    loop_guard: Annotated[LoopGuardSection, Meta(description="Against bots that answer bots.")] = LoopGuardSection()
    pairing_max_pending: Annotated[
        Count, Meta(description="Pairing requests that may wait at once, so that strangers cost nothing; 0 = no cap.")
    ] = 3
    pairing_notify: Annotated[
        PhoneInput | None,
        Meta(description="The owner's own number: gets one SMS per pairing request, with the code. Unset: nobody."),
    ] = None
    segments_per_second: Annotated[
        float, Meta(ge=0, le=10_000, description="Outbound rate of this sender in SMS segments; 0 = no limit.")
    ] = 1
    account_segments_per_second: Annotated[
        float,
        Meta(
            ge=0,
            le=10_000,
            description=(
                "Outbound rate of all senders with this `accountSid` together, besides their own; set it alike for "
                "each of them. 0 = no limit."
            ),
        ),
    ] = 0
    daily_segment_cap: Annotated[
        Count,
        Meta(
            description=(
                "Segments that this account sends a day; what is more waits for the next one, in its order. It counts "
                "what is handed to Twilio, delivered or not. 0 = no limit."
            )
        ),
    ] = 0
    time_zone: Annotated[
        Text, Meta(description="Where the account's day begins and ends: an IANA zone such as `Europe/Berlin`.")
    ] = "UTC"
    smart_encoding: Annotated[
        bool,
        Meta(description="Replace curly quotes, dashes and the like, so that a text stays in cheap GSM-7 segments."),
    ] = True
    opt_out: Annotated[OptOutSection, Meta(description="STOP, START and HELP.")] = OptOutSection()
    language: Annotated[
        Text,
        Meta(
            description=(
                "Language of the fixed texts, such as the pairing SMS: `de`, `en`, `es`, `fr`, `hi`, `ja`, `ko`, `pt` "
                "or `zh`; a region is accepted (`pt-BR`)."
            )
        ),
    ] = DEFAULT_LANGUAGE
    texts: Annotated[TextsSection, Meta(description="Fixed texts in words of your own; null = say nothing.")] = (
        TextsSection()
    )
    agent: Annotated[
        AgentSection | None,
        Meta(description="What answers here: the keys of [`agent`](#agent), laid over those at the top."),
    ] = None

    validity_s: Annotated[
        Validity | None,
        Meta(
            description=(
                "How long a text may wait in Twilio's own queue, in seconds; then it fails with code 30036 instead of "
                "coming late. null = Twilio's ten hours."
            ),
        ),
    ] = msgspec.field(default=None, name="validitySeconds")

    quiet_hours: Annotated[
        QuietHoursSection | None,
        Meta(description="Hours in which nobody is texted: what is due then waits for their end. null = none."),
    ] = None


class SmsSection(AccountSection, frozen=True):
    """The SMS channel: one account in place, or several under `accounts`, each merged over this block."""

    accounts: Annotated[
        dict[str, AccountSection],
        Meta(description="Further numbers: an id of letters, digits, `-`, `_`, then the same keys as above."),
    ] = msgspec.field(default_factory=dict)
    default_account: Annotated[
        Text | None,
        Meta(description="The account used when none is named. Unset: `default` if it exists, else the first."),
    ] = None


class ChannelsSection(Section, frozen=True):
    """The channels; SMS is the only one."""

    sms: Annotated[SmsSection | None, Meta(description="The SMS channel.")] = None
