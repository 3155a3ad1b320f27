"""Phone numbers and other senders are an `Address`, never a bare `str`.

Two doors, on purpose different. What Twilio sends is taken as it is (`parse_address`: a regular expression, one
per webhook); what people write is checked by the book (`parse_e164`: the phonenumbers library, imported on first
use because it costs 125 ms). Nothing here does I/O. A log shows `mask(address)`.
"""

import re
from typing import NewType

Address = NewType("Address", str)
"""Who sends or receives: E.164, a short code, an alphanumeric sender id, or `scheme:rest` (`rcs:`, `whatsapp:`)."""

RCS = "rcs:"
"""Before the number of somebody who writes over RCS, and before the name of an RCS sender."""

MAX_ADDRESS_LENGTH = 255
"""Longer senders do not exist; the cap keeps a forged one out of keys and logs."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_ANY_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)(.*)", re.DOTALL)
_OUR_PREFIX = re.compile(r"^(?:twilio-)?sms:", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[\s().\-\u2010-\u2015]")
_DIGITS = re.compile(r"\+?[0-9]+")
_BARE = re.compile(r"[0-9\s().\-\u2010-\u2015]+")
_LONGEST_NATIONAL = 10
_HIDDEN = "•••"


def parse_address(raw: str) -> Address:
    """Accept a sender as Twilio names it; short codes, names and other channels stay opaque.

    Raises `ValueError` only for what cannot be a sender: empty, 256 characters or more, control characters.
    """
    if _E164.fullmatch(raw):
        return Address(raw)
    opaque = raw.strip(" ")
    if not opaque:
        raise ValueError("expected a sender, found an empty one")
    if len(opaque) > MAX_ADDRESS_LENGTH:
        raise ValueError(f"expected a sender of at most {MAX_ADDRESS_LENGTH} characters, found {len(opaque)}")
    if _UNFIT.search(opaque):
        raise ValueError("expected a sender without control characters")
    return Address(opaque)


def parse_e164(raw: str | int) -> Address:
    """Normalise a number that a person wrote: `sms:+1 (555) 123-4567` and `15551234567` are `+15551234567`.

    Strict: the country code must exist and the length must be possible there. Reserved ranges such as 555 pass,
    since documentation and sandboxes live on them. Raises `ValueError` with a sentence that shows no digit.
    """
    digits = _national_digits(raw)
    import phonenumbers  # 125 ms, only for people's input

    try:
        number = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException as error:
        unknown = error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
        raise ValueError(_expected("no country has this calling code" if unknown else "this is too short")) from None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == phonenumbers.ValidationResult.TOO_SHORT:
        raise ValueError(_expected("this one is too short for its country"))
    if reason == phonenumbers.ValidationResult.TOO_LONG:
        raise ValueError(_expected("this one is too long for its country"))
    address = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE or not _E164.fullmatch(address):
        raise ValueError(_expected("no number of its country has this length"))
    return Address(address)


def lacks_country_code(raw: str | int) -> bool:
    """Whether it is probably written as at home: 10 digits or fewer, and no plus. Read as it stands, its first digits
    are the code of another country. What is no number at all lacks nothing."""
    bare = str(raw).rpartition(":")[2].strip()
    return _BARE.fullmatch(bare) is not None and sum(each.isdigit() for each in bare) <= _LONGEST_NATIONAL


def calling_code(number: Address) -> int:
    """The code of its country: 1 for `+1555…`. For what `parse_e164` gave."""
    import phonenumbers  # see parse_e164

    return phonenumbers.parse(number, None).country_code or 0


def parse_person(raw: str | int) -> Address:
    """Normalise whom a person wrote: a number as `parse_e164` takes it, or `rcs:` and one. Raises `ValueError`."""
    if isinstance(raw, str) and raw.strip()[: len(RCS)].lower() == RCS:
        return Address(f"{RCS}{parse_e164(raw.strip()[len(RCS) :])}")
    return parse_e164(raw)


def person_of(address: str) -> str:
    """Who it is, whatever the channel: `rcs:+1555…` is the phone `+1555…`. For opt-outs only.

    Source: Twilio, "Twilio support for opt-out keywords": since March 2026 an opt-out by SMS, MMS or RCS counts for all
    three. WhatsApp is a list of its own.
    """
    rest = address[len(RCS) :]
    return rest if address[: len(RCS)].lower() == RCS and _E164.fullmatch(rest) else address


def can_be_texted(address: str) -> bool:
    """Whether Twilio would text it: a number, over whatever channel; no short code (error 21265) and no name."""
    return _E164.fullmatch(address.rpartition(":")[2]) is not None


def mask(address: str) -> str:
    """Hide the middle so that a log stays readable: `+1555•••4567`; short and alphanumeric ones wholly."""
    match = _SCHEME.fullmatch(address)
    scheme, rest = match.groups() if match else ("", address)
    if not _E164.fullmatch(rest):
        return f"{scheme}{_HIDDEN}"
    # At least three digits stay hidden, or the mask would be a crossword.
    head, tail = (5, 4) if len(rest) >= 12 else (3, 2)
    return f"{scheme}{rest[:head]}{_HIDDEN}{rest[-tail:]}"


def mask_numbers(text: str) -> str:
    """Mask every number in E.164 form that stands in a text: what others write into their errors."""
    return _ANY_E164.sub(lambda found: mask(found[0]), text)


def _national_digits(raw: str | int) -> str:
    """Strip our prefixes and punctuation; what is left is the number's digits without the plus."""
    if isinstance(raw, bool) or not isinstance(raw, (str, int)):
        raise ValueError(_expected("this is no text and no whole number"))
    if isinstance(raw, int) and not 0 <= raw < 10**20:  # str() of thousands of digits raises another ValueError
        raise ValueError(_expected("this is negative" if raw < 0 else "this one is too long for any country"))
    bare = _PUNCTUATION.sub("", _OUR_PREFIX.sub("", str(raw).strip(), count=1))
    if not bare:
        raise ValueError(_expected("this is empty"))
    if not _DIGITS.fullmatch(bare):
        raise ValueError(_expected("this has characters that no number has"))
    digits = bare.removeprefix("+")
    if digits.startswith("0"):
        raise ValueError(_expected("this starts with 0: write the country code after a plus"))
    if len(digits) > 20:
        raise ValueError(_expected("this one is too long for any country"))
    return digits


def _expected(reason: str) -> str:
    return f"expected a phone number in E.164 form such as +15551234567; {reason}"
