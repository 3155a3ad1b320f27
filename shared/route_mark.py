"""The header by which a look from outside knows that it reached a Textgate ingress, and which kind of route.

It says no more than that: no version, no account. A tunnel's or a proxy's own error page does not carry it. The other
way round the look names itself as `PROBE_AGENT`, which proves nothing.
"""

from enum import StrEnum

ROUTE_HEADER = "textgate-route"

PROBE_AGENT = "Textgate-Probe"
"""The `User-Agent` of the probe. Anybody may write it: it may change a log line, and nothing else."""

DOCTOR_AGENT = "Textgate-Doctor"
"""The same of `textgate doctor`."""


class RouteMark(StrEnum):
    """What the header says."""

    WEBHOOK = "webhook"
    HEALTH = "health"
    NONE = "none"
    """No route has this path."""
