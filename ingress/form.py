"""The form that Twilio posts, as a list of pairs: repeats, empty values and blanks stay, because they are signed.

Pure functions, no I/O.
"""

from urllib.parse import parse_qsl

from shared.errors import RejectedError

MAX_FIELDS = 200
"""Twilio sends about 20, and up to 20 more with ten attachments; hostile bodies try thousands."""

Form = list[tuple[str, str]]


def is_json(content_type: str) -> bool:
    """Whether the body claims to be JSON."""
    return _media_type(content_type) == "application/json"


def parse_form(body: bytes, content_type: str) -> Form:
    """The pairs in the order received. Raises RejectedError(400) for anything but a UTF-8 urlencoded form."""
    if _media_type(content_type) != "application/x-www-form-urlencoded":
        raise RejectedError("the body is no urlencoded form", status=400)
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise RejectedError("the form is malformed", status=400) from error


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def first_values(form: Form) -> dict[str, str]:
    """Each field's first value."""
    fields: dict[str, str] = {}
    for name, value in form:
        fields.setdefault(name, value)
    return fields
