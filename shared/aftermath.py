"""What a failure after acceptance means beyond its part: a pause of the whole account, an opt-out of the person. Pure.

`lua/record_status.lua` carries it out in the step that records the failure, so that neither stands without the other.
"""

import time

import msgspec

from shared.optout import Cause, Change, new_change
from shared.phone import parse_address
from shared.records import Pause
from shared.twilio_codes import CODES, OPTED_OUT, ErrorClass


class Aftermath(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done once, when the failure is recorded."""

    pause: Pause | None = None
    opt_out: Change | None = None


NOTHING = Aftermath()


def aftermath_of(code: int | None, *, to: str) -> Aftermath:
    """What Twilio's error code asks for; `to`: whom the part went to, as Twilio names them."""
    info = CODES.get(code or 0)
    if code == OPTED_OUT:
        return Aftermath(opt_out=_opt_out(to))
    if info is None or info.error_class is not ErrorClass.ACCOUNT:
        return NOTHING
    since_ms = time.time_ns() // 1_000_000
    return Aftermath(pause=Pause(code=f"twilio-{code}", message=info.meaning, hint=info.hint, since_ms=since_ms))


def _opt_out(to: str) -> Change | None:
    """Twilio took the part and then found that the person had opted out, as it does for a Messaging Service."""
    try:
        return new_change(parse_address(to), out=True, cause=Cause.TWILIO)
    except ValueError:
        return None
