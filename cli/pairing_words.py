"""What people write after `pairing deny` and `pairing revoke`: a channel here or there, a code, a sender. Pure."""

from collections.abc import Sequence

from cli.words import SMS
from shared.errors import NotUnderstoodError, UsageError
from shared.phone import parse_address, parse_e164


def parse_sender(words: Sequence[str]) -> tuple[str, ...]:
    """`[sms] NUMBER`: every way in which that sender may be stored, the most likely first.

    A number is normalised as everywhere; a short code or a name counts as it is written, too. Raises UsageError that
    shows no digit of it.
    """
    rest = list(words[1:] if words and words[0].lower() == SMS else words)
    written = " ".join(rest)
    if not written.strip():
        raise NotUnderstoodError(
            "which number? write `textgate pairing revoke +15551234567`; `textgate pairing allowed` lists them"
        )
    names: list[str] = []
    try:
        names.append(parse_e164(written))
    except ValueError as error:
        reason = str(error)
    try:
        names.append(parse_address(written))
    except ValueError:
        if not names:
            raise UsageError(f"{reason}; `textgate pairing allowed` lists them") from None
    return tuple(dict.fromkeys(names))
