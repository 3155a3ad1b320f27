"""The blocks inside `channels.sms` that limit what goes in and out of a number: rates, opt-out, quiet hours, loops."""

from typing import Annotated

import msgspec
from msgspec import Meta

from shared.settings_section import Count, Section, Text

ClockTime = Annotated[
    str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", extra={"expected": "a time of day such as 21:00"})
]


class RateLimits(Section, frozen=True):
    """Inbound limits, shared by all replicas."""

    per_sender_per_minute: Annotated[
        Count, Meta(description="Texts that one sender may send per minute; 0 = no limit.")
    ] = 30
    per_sender_per_day: Annotated[
        Count,
        Meta(
            description=(
                "Texts that reach the agent from one person in 24 hours; the first one too many is told so once "
                "(`texts.cap`). 0 = no limit."
            )
        ),
    ] = 0
    per_account_per_minute: Annotated[
        Count, Meta(description="Texts that the account takes per minute from everybody together; 0 = no limit.")
    ] = 300
    failed_signatures_per_minute: Annotated[
        Count,
        Meta(description="Requests with a bad signature per client address and minute before 429; 0 = no limit."),
    ] = 300


class OptOutSection(Section, frozen=True):
    """What STOP, START and HELP do besides being recorded."""

    reply: Annotated[
        bool,
        Meta(
            description=(
                "Textgate itself confirms STOP and START and answers HELP. Only if Twilio does not, since its support "
                "has switched the default handling off."
            )
        ),
    ] = False
    stop_words: Annotated[
        tuple[Text, ...],
        Meta(description="Further texts that count as STOP, such as `BAJA`; case and accents do not matter."),
    ] = ()


class QuietHoursSection(Section, frozen=True):
    """When texts are held back."""

    start: Annotated[
        ClockTime,
        Meta(description="When they begin, local time. `quietHours: {}` turns them on as shown here; off until then."),
    ] = msgspec.field(default="21:00", name="from")
    until: Annotated[ClockTime, Meta(description="When they end; before `from` means the next morning.")] = (
        msgspec.field(default="08:00", name="to")
    )
    time_zone: Annotated[
        Text,
        Meta(
            description=(
                "`recipient`: the local time of the recipient's number; where its prefix lies in several zones, it is "
                "quiet while any of them is. Else an IANA zone such as `Europe/Berlin`, for everybody."
            )
        ),
    ] = "recipient"
    replies: Annotated[
        bool,
        Meta(description="Hold back answers, too. Off: what answers a text of the last hour goes out at any time."),
    ] = False


class LoopGuardSection(Section, frozen=True):
    """When a conversation goes on like one of two machines, and how long it rests then."""

    rounds: Annotated[
        Count | None,
        Meta(
            description=(
                "Rounds in a row (our reply, and at once the next text) after which the conversation rests; 0 = never. "
                "Unset: 15, or never where `rateLimits.perSenderPerMinute` is 0."
            )
        ),
    ] = None
    within_s: Annotated[
        float, Meta(gt=0, le=600, description="How soon after our reply a text must come to count as a round.")
    ] = msgspec.field(default=10, name="withinSeconds")
    rest_min: Annotated[
        float, Meta(gt=0, le=10_080, description="How long it rests: texts are recorded and not answered.")
    ] = msgspec.field(default=60, name="restMinutes")
