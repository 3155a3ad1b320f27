"""The section `logs`: what each process writes about itself."""

import enum
from typing import Annotated

from msgspec import Meta

from shared.settings_section import Section


class LogFormat(enum.StrEnum):
    """What a log line looks like."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(enum.StrEnum):
    """From which weight on an event is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogsSection(Section, frozen=True):
    """What each process writes to stderr about itself."""

    format: Annotated[
        LogFormat | None,
        Meta(
            description="`json`: one object per line, for programs; `console`: for people. Unset: `console` on a "
            "terminal, else `json`."
        ),
    ] = None
    level: Annotated[LogLevel, Meta(description="The least weight that is written.")] = LogLevel.INFO
