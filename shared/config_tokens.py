"""The tokens of a JSON5 text that is known to be valid: a regular expression, no parser. Pure.

Knowing that the text was read as JSON5 already, whatever wants to know where something stands scans its tokens.
"""

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<blank>[\s\ufeff]+)
  | (?P<comment>//[^\n\r\u2028\u2029]*|/\*.*?\*/)
  | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<mark>[{}\[\]:,])
  | (?P<word>[^\s\ufeff{}\[\]:,"'/]+)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens_of(text: str) -> Iterator["re.Match[str]"]:
    """Every token but blanks, comments included; `lastgroup` is `comment`, `string`, `mark` or `word`."""
    return (token for token in _TOKEN.finditer(text) if token.lastgroup != "blank")
