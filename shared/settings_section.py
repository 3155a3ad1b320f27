"""What every section of the configuration file is made of: the Struct that refuses unknown keys, and bounded values."""

from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Text = Annotated[str, Meta(min_length=1)]
Age = Annotated[float, Meta(gt=0, le=31_536_000)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A part of the configuration file; it refuses keys that it does not know."""
