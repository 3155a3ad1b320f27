"""Requests to a webhook that are likely looks of our own: the probe's from outside, `textgate doctor`'s from here.

They are refused and counted like any other. But they are no fault, so they stand in the log as information. They are
known by their `User-Agent`, which anybody may write: whoever imitates one gains a quieter line, and nothing else. What
carries a signature is never taken for one.
"""

from collections.abc import Mapping

from shared.errors import RejectedError
from shared.route_mark import DOCTOR_AGENT, PROBE_AGENT

_PROBE = "no X-Twilio-Signature: likely our own probe, which looks at the public URL from outside"
_DOCTOR = "not a POST: likely `textgate doctor`, which looks whether this route is here"
_REASONS = {("POST", PROBE_AGENT): _PROBE, ("GET", DOCTOR_AGENT): _DOCTOR}


class OwnLookError(RejectedError):
    """Refused, as it expects to be."""


def own_look(method: str, headers: Mapping[bytes, bytes], *, status: int) -> OwnLookError | None:
    """The refusal of what is likely a look of our own; None for any other request."""
    agent = headers.get(b"user-agent", b"").decode("latin-1")
    reason = _REASONS.get((method, agent))
    if reason is None or headers.get(b"x-twilio-signature"):
        return None
    return OwnLookError(reason, status=status)
