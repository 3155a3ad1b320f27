"""What people write after a command: a channel here or there, a code, a destination. Pure functions."""

from collections.abc import Sequence

from shared.errors import NotUnderstoodError, UsageError
from shared.phone import Address, lacks_country_code, parse_e164, parse_person

SMS = "sms"
_TARGET_PREFIXES = {"sms": SMS, "twilio-sms": SMS, "rcs": SMS}
_EXAMPLE = "for example --target sms:+15551234567"
_NO_COUNTRY_CODE = "a number without its country code; write it after a plus, for example +15551234567"


def check_channel(channel: str | None) -> None:
    """Raises UsageError for a channel that there is not."""
    if channel not in (None, SMS):
        raise UsageError(f"there is no channel {channel}: the only one is sms")


def parse_code(words: Sequence[str], *, verb: str) -> str:
    """`[sms] CODE`: the code. Raises NotUnderstoodError, naming the command by its `verb`, if that is not what stands
    there, UsageError for another channel."""
    if len(words) == 2:
        check_channel(words[0])
    if len(words) not in (1, 2) or words[-1].lower() == SMS:
        raise NotUnderstoodError(
            f"which code? write `textgate pairing {verb} CODE`; `textgate pairing list` shows the codes"
        )
    return words[-1]


def parse_target(target: str, channel: str | None) -> Address:
    """`sms:+1…`, `twilio-sms:+1…`, `+1…`, or over RCS `rcs:+1…`. Raises UsageError that shows no digit of it."""
    check_channel(channel)
    scheme, colon, _ = target.partition(":")
    if colon and scheme.strip().lower() not in _TARGET_PREFIXES:
        raise UsageError(f"--target: there is no channel {scheme.strip()[:20]!r}; {_EXAMPLE}")
    try:
        return parse_number(target)
    except ValueError as error:
        raise UsageError(f"--target: {error}") from error


def parse_number(written: str) -> Address:
    """Whom a text could go to: a number with its country code, or the same over RCS. Raises ValueError that shows no
    digit of it."""
    if lacks_country_code(written):
        raise ValueError(_NO_COUNTRY_CODE)
    return parse_person(written)


def parse_with_plus(written: str) -> Address:
    """A number that will stay: it is kept only with the plus. Raises ValueError that shows no digit of it."""
    number = parse_e164(written)
    if "+" not in written:
        raise ValueError(_NO_COUNTRY_CODE)
    return number
