"""What a browser shows of a page: the words that a reader sees, and the addresses behind them. For comparisons."""

import re
from html.parser import HTMLParser

_INLINE = frozenset({"a", "code", "del", "em", "s", "strong"})


class ShownHtml(HTMLParser):
    """The text that a browser shows, and the absolute addresses behind it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._hidden = 0
        self.urls: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """The words, with blanks around every element that is no emphasis, link or code."""
        return "".join(self._pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self._hidden += tag in ("script", "style", "template")
        self._pieces.append("" if tag in _INLINE else " ")
        if tag == "img":
            self._pieces.append(attributes.get("alt") or "")
        for address in (attributes.get("href"), attributes.get("src")):
            if address and re.match(r"[a-z][a-z0-9+.-]*:", address, re.IGNORECASE):
                self.urls.append(_without_guessed_scheme(address))

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in ("script", "style", "template")))
        self._pieces.append("" if tag in _INLINE else " ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._pieces.append(data)


def _without_guessed_scheme(address: str) -> str:
    """GFM puts `http://` before `www.`; the text keeps what was written."""
    return address.removeprefix("http://") if address.startswith("http://www.") else address
