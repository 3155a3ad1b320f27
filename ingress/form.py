"""The form that Twilio posts, as a list of pairs: repeats, empty values and blanks stay, because they are signed.

Pure functions, no I/O.
"""

from urllib.parse import unquote_to_bytes

from shared.errors import RejectedError

MAX_FIELDS = 200
"""Twilio sends about 20, and up to 20 more with ten attachments; hostile bodies try thousands."""

Form = list[tuple[str, str]]

_HEX = "0123456789abcdefABCDEF"
_ASCII = {high + low: chr(int(high + low, 16)) for high in "01234567" for low in _HEX}
"""What two hexadecimal digits behind a percent sign mean, as far as that is a character of its own."""


def is_json(content_type: str) -> bool:
    """Whether the body claims to be JSON."""
    return _media_type(content_type) == "application/json"


def parse_form(body: bytes, content_type: str) -> Form:
    """The pairs in the order received. Raises RejectedError(400) for anything but a UTF-8 urlencoded form."""
    if _media_type(content_type) != "application/x-www-form-urlencoded":
        raise RejectedError("the body is no urlencoded form", status=400)
    if not body:
        return []
    try:
        # Blanks once for the whole body: a plus sign itself travels as %2B.
        text = body.decode("ascii").replace("+", " ")
        encoded = "%26" in text or "%3D" in text or "%3d" in text
        if not encoded:  # no separator is hidden: decoding before the cut is the same as behind it, and happens once
            text = _unquote(text)
        fields = text.split("&", MAX_FIELDS)
        if len(fields) > MAX_FIELDS:
            raise ValueError("too many fields")
        form = [(name, value) for name, value in [field.split("=", 1) for field in fields]]  # ValueError without =
        return [(_unquote(name), _unquote(value)) for name, value in form] if encoded else form
    except ValueError as error:  # UnicodeDecodeError is one
        raise RejectedError("the form is malformed", status=400) from error


def _unquote(text: str) -> str:
    """What percent-encoded text means. Raises UnicodeDecodeError. ASCII, nearly all there is, goes the short way."""
    first, *rest = text.split("%")
    try:
        return first + "".join([_ASCII[part[:2]] + part[2:] for part in rest])
    except KeyError:  # another alphabet, or a percent sign that stands for itself
        return unquote_to_bytes(text).decode()


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def first_values(form: Form) -> dict[str, str]:
    """Each field's first value."""
    return dict(reversed(form))
