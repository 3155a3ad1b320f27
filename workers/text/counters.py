"""`(1/3) ` before each part of a longer text, for phones that show parts in the order in which they arrive."""

from workers.text.parts import split_parts

MIN_LIMIT = 40
"""A shorter part has no room for a counter: its text is cut without one."""


def counted_parts(text: str, limit: int) -> list[str]:
    """Parts of at most `limit` units, each with its counter inside the limit; a single part has none."""
    parts = split_parts(text, limit)
    digits = 1
    while len(parts) > 1 and limit >= MIN_LIMIT:
        parts = split_parts(text, limit, reserved=len(_counter(10**digits - 1, 10**digits - 1)))
        if len(parts) < 10**digits:
            return [_counter(index, len(parts)) + part for index, part in enumerate(parts, start=1)]
        digits += 1
    return parts


def _counter(index: int, count: int) -> str:
    return f"({index}/{count}) "
