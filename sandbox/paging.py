"""Pages of a list in Twilio's two shapes: `next_page_uri` beside the records (2010), or `meta` (the newer products).

Pure. The sandbox pages by number; `PageToken` is given out, because clients hand it back, and not needed.
Source: twilio.com/docs/usage/twilios-response#pagination.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list is asked for."""

    number: int = 0
    size: int = DEFAULT_PAGE_SIZE

    def cut(self, records: Sequence[Any]) -> list[Any]:
        """The records on this page."""
        return list(records[self.number * self.size : (self.number + 1) * self.size])

    def is_last(self, count: int) -> bool:
        """Whether no page follows in a list of that many."""
        return (self.number + 1) * self.size >= count


def parse_page(params: Mapping[str, str]) -> Page:
    """Read `Page` and `PageSize`. Raises ValueError for what is no number."""
    size = int(params.get("PageSize") or DEFAULT_PAGE_SIZE)
    return Page(number=max(int(params.get("Page") or 0), 0), size=min(max(size, 1), MAX_PAGE_SIZE))


def show_page_2010(records: Sequence[Any], *, key: str, path: str, params: Mapping[str, str]) -> dict[str, Any]:
    """A list of `api.twilio.com`."""
    page, ask = parse_page(params), _asker(path, params)
    return {
        key: page.cut(records),
        "end": min((page.number + 1) * page.size, len(records)) - 1 if records else 0,
        "first_page_uri": ask(0),
        "next_page_uri": None if page.is_last(len(records)) else ask(page.number + 1),
        "page": page.number,
        "page_size": page.size,
        "previous_page_uri": ask(page.number - 1) if page.number else None,
        "start": page.number * page.size,
        "uri": ask(page.number),
    }


def show_page_meta(
    records: Sequence[Any], *, key: str, base: str, path: str, params: Mapping[str, str]
) -> dict[str, Any]:
    """A list of the newer products; `base` is the scheme and host that its addresses name."""
    page, ask = parse_page(params), _asker(f"{base}{path}", params)
    return {
        key: page.cut(records),
        "meta": {
            "first_page_url": ask(0),
            "key": key,
            "next_page_url": None if page.is_last(len(records)) else ask(page.number + 1),
            "page": page.number,
            "page_size": page.size,
            "previous_page_url": ask(page.number - 1) if page.number else None,
            "url": ask(page.number),
        },
    }


def _asker(path: str, params: Mapping[str, str]) -> Any:
    page = parse_page(params)
    kept = [(name, value) for name, value in params.items() if not name.startswith("Page")]

    def ask(number: int) -> str:
        token = [("PageToken", f"PA{number}")] if number else []
        return f"{path}?{urlencode([*kept, ('PageSize', str(page.size)), ('Page', str(number)), *token])}"

    return ask
