"""What people write after `pairing deny`, `pairing revoke` and `optout`: a channel, a code, a sender. Pure."""

from collections.abc import Sequence

from cli.words import SMS
from shared.errors import NotUnderstoodError, UsageError
from shared.phone import parse_address, parse_person

_LISTS = {"pairing": "pairing allowed", "optout": "optout list"}


def parse_sender(words: Sequence[str], *, command: str = "pairing revoke") -> tuple[str, ...]:
    """`[sms] NUMBER`: every way in which that sender may be stored, the most likely first.

    A number is normalised as everywhere; a short code or a name counts as it is written, too. Raises UsageError that
    shows no digit of it.
    """
    where = f"`textgate {_LISTS[command.partition(' ')[0]]}` lists them"
    rest = list(words[1:] if words and words[0].lower() == SMS else words)
    written = " ".join(rest)
    if not written.strip():
        raise NotUnderstoodError(f"which number? write `textgate {command} +15551234567`; {where}")
    names: list[str] = []
    try:
        names.append(parse_person(written))
    except ValueError as error:
        reason = str(error)
    try:
        names.append(parse_address(written))
    except ValueError:
        if not names:
            raise UsageError(f"{reason}; {where}") from None
    return tuple(dict.fromkeys(names))
