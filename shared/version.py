"""Which version this is, as installed."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """Such as `0.1.0`."""
    return metadata.version("textgate")
