"""Where Twilio reports on a part: the webhook's own URL with the part's id in the query, so no second path is exposed.

The workers write this URL, the ingress reads it; without its fragment it is part of what Twilio signs. Pure functions.
"""

PART_PARAMETER = "textgate_part"

OVERRIDES = "rc=3&rp=ct,rt,5xx&rt=4000"
"""Three more tries after a failed connection, 4 s without an answer, or a 5xx; all of them share 15 s. Without these
Twilio tries once more, and only if it could not connect: a callback that meets a restart would be lost.

Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides."""


def callback_url(public_url: str, part_id: str) -> str:
    """The status callback of one part, as it is given to Twilio: with the connection overrides of the public URL, or
    with ours if it has none."""
    base, _, overrides = public_url.partition("#")
    return f"{signed_callback_url(base, part_id)}#{overrides or OVERRIDES}"


def signed_callback_url(signed_url: str, part_id: str) -> str:
    """The same as Twilio signs and posts it: without a fragment, as `signed_url` must be."""
    joint = "&" if "?" in signed_url else "?"
    return f"{signed_url}{joint}{PART_PARAMETER}={part_id}"


def part_of_query(query: str) -> str:
    """The part id in a callback's query string, empty if it names none."""
    return query.rpartition(f"{PART_PARAMETER}=")[2] if f"{PART_PARAMETER}=" in query else ""
