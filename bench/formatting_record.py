"""What is recorded of the comparison of formatters: the shape of `bench/results/formatting.json`."""

import msgspec


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The texts that one formatter makes of a reply."""

    texts: tuple[str, ...]
    segments: int
    broken: tuple[str, ...] = ()
    """URLs, formulas, code and emoji that are not in the texts as they were written."""
    lost: tuple[str, ...] = ()
    """Other visible words that are not in the texts."""

    @property
    def whole(self) -> bool:
        """Whether all that the reply says arrives."""
        return not self.broken and not self.lost


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One reply, three formatters."""

    name: str
    markdown: str
    textgate: Sent
    naive: Sent
    openclaw: Sent
    calculator: dict[str, int]
    """Segments by Twilio's own calculator, by formatter."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What the page is made from."""

    versions: dict[str, str]
    replies: tuple[Compared, ...]
