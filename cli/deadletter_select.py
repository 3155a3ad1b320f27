"""Which dead letters a command is about: by id, or by what they have in common. Pure."""

import re
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli.account_completion import complete_account
from shared.errors import UsageError
from shared.keys import Stage

if TYPE_CHECKING:
    from shared.records import DeadLetter

Account = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="ID",
        help="Only those of this account; it may be one that is no longer configured.",
        autocompletion=complete_account,
    ),
]
StageOption = Annotated[
    str | None, typer.Option("--stage", metavar="STAGE", help="Only those of one stage: agent, format or outbound.")
]
Code = Annotated[
    str | None,
    typer.Option("--code", metavar="CODE", help="Only those with this cause, such as 21211 or agent-timeout."),
]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only those buried longer ago, such as 30d or 12h.")
]
All = Annotated[bool, typer.Option("--all", help="Every one there is.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show the number and the words, too.")]

_AGE = re.compile(r"(\d{1,5})([smhdw])")
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What the letters that are meant have in common; None: any."""

    account: str | None = None
    stage: Stage | None = None
    code: str | None = None
    before_ms: int | None = None
    """Buried before then."""

    @classmethod
    def of(
        cls,
        *,
        account: str | None = None,
        stage: str | None = None,
        code: str | None = None,
        older_than: str | None = None,
        now_ms: int | None = None,
    ) -> "Filter":
        """From what a person wrote. Raises UsageError for a stage or an age that cannot be."""
        if stage is not None and stage not in set(Stage):
            raise UsageError(f"--stage: there is no stage {stage}: choose one of {', '.join(Stage)}")
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        return cls(
            account=account,
            stage=None if stage is None else Stage(stage),
            code=None if code is None else code.strip().lower(),
            before_ms=None if older_than is None else now_ms - parse_age_ms(older_than),
        )

    def matches(self, letter: "DeadLetter") -> bool:
        """Whether the letter is meant. A bare number is Twilio's code."""
        return (
            self.account in (None, letter.account_id)
            and self.stage in (None, letter.stage)
            and self.code in (None, letter.code.lower(), letter.code.lower().removeprefix("twilio-"))
            and (self.before_ms is None or letter.buried_ms < self.before_ms)
        )

    @property
    def is_empty(self) -> bool:
        """Whether it means every letter."""
        return self == Filter()


def check_choice(ids: list[str], wanted: Filter, *, everything: bool, command: str) -> None:
    """Raises UsageError unless exactly one of ids, filters and `--all` says which letters are meant."""
    ways = bool(ids) + (not wanted.is_empty) + everything
    if ways == 0:
        raise UsageError(
            f"which ones? write `textgate deadletter {command} ID`, or a filter such as --code 21211, or --all; "
            "`textgate deadletter list` shows them"
        )
    if ways > 1:
        raise UsageError("choose one way: ids, or filters (--account, --stage, --code, --older-than), or --all")


def unknown(letter_id: str) -> UsageError:
    """There is no such letter; the error says what may have become of it."""
    return UsageError(
        f"there is no dead letter {letter_id[:80]}: it was retried or dropped, or the id is mistyped; see "
        "`textgate deadletter list`"
    )


def parse_age_ms(written: str) -> int:
    """`30d`, `12h`, `90m`, `45s`, `2w` in milliseconds. Raises UsageError for anything else."""
    match = _AGE.fullmatch(written.strip().lower())
    if match is None:
        raise UsageError("--older-than: expected a number and a unit (s, m, h, d, w), for example --older-than 30d")
    return int(match[1]) * _UNIT_MS[match[2]]


def account_note(account: str | None, configured: Collection[str]) -> str:
    """What to add when nothing was found for an account that is not configured: it may be gone, or a slip."""
    if account is None or account in configured:
        return ""
    return f" Account {account} is not configured; these are: {', '.join(configured) or 'none'}."
