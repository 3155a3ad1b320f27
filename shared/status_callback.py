"""Where Twilio reports on a part: the webhook's own URL with the part's id in the query, so no second path is exposed.

The workers write this URL, the ingress reads it; it is part of what Twilio signs. Pure functions.
"""

PART_PARAMETER = "textgate_part"


def callback_url(public_url: str, part_id: str) -> str:
    """The status callback of one part. Twilio's connection overrides in the fragment are kept."""
    base, hash_mark, overrides = public_url.partition("#")
    joint = "&" if "?" in base else "?"
    return f"{base}{joint}{PART_PARAMETER}={part_id}{hash_mark}{overrides}"


def part_of_query(query: str) -> str:
    """The part id in a callback's query string, empty if it names none."""
    return query.rpartition(f"{PART_PARAMETER}=")[2] if f"{PART_PARAMETER}=" in query else ""
