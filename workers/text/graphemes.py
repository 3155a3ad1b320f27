"""What a reader takes for one character: a flag, a family of emoji, a syllable of Devanagari or Hangul (UAX 29)."""

import regex

_GRAPHEME = regex.compile(r"\X")


def graphemes(text: str) -> list[str]:
    """The graphemes of a text, in order."""
    return [match.group() for match in _GRAPHEME.finditer(text)]


def grapheme_starts(text: str) -> set[int]:
    """The positions at which a grapheme begins."""
    return {match.start() for match in _GRAPHEME.finditer(text)}
