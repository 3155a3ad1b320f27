"""HTML tags in Markdown: which ones are markup, and what they say.

Only elements that HTML knows are markup. `<name>` or `Vec<T>` in an agent's reply is text.
"""

import html
import re
from html.entities import html5

import msgspec

_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)")
_ATTRIBUTE = re.compile(r"""(?<![\w-])(href|src|alt)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_CHARACTER_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")

BLOCKS = frozenset(
    """
    address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 head header html legend li main menu nav ol optgroup option p pre section select summary
    table tbody tfoot thead title tr ul
    """.split()  # noqa: SIM905 (a hundred quoted words read worse)
)
"""Elements that begin and end a line."""

_INLINE = frozenset(
    """
    a abbr acronym audio b base bdi bdo big br button canvas caption cite code col colgroup data datalist del dfn em
    embed font hr i iframe img input ins kbd label link map mark meta meter noscript object output picture progress
    q rp rt ruby s samp script small source span strike strong style sub sup svg td template textarea th time track
    tt u var video wbr
    """.split()  # noqa: SIM905 (a hundred quoted words read worse)
)
_KNOWN = BLOCKS | _INLINE
HIDDEN = frozenset({"script", "style", "template"})
"""Elements whose content nobody sees."""


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """One tag. `attributes` has those of `href`, `src` and `alt` that are there."""

    name: str
    closing: bool
    attributes: dict[str, str]


def read_tag(markup: str) -> Tag | None:
    """The tag that this markup is; None when it is none that HTML knows."""
    match = _TAG.match(markup)
    if match is None or (name := match[1].lower()) not in _KNOWN:
        return None
    attributes = {found[1].lower(): found[2] or found[3] or found[4] or "" for found in _ATTRIBUTE.finditer(markup)}
    return Tag(name=name, closing=markup.startswith("</"), attributes=attributes)


def unescape(text: str) -> str:
    """Text with its character references (`&amp;`, `&#8364;`) resolved; only those that end in a semicolon."""
    return _CHARACTER_REFERENCE.sub(_character, text)


def _character(reference: re.Match[str]) -> str:
    if reference[0].startswith("&#"):
        return html.unescape(reference[0])
    return html5.get(reference[0][1:], reference[0])
