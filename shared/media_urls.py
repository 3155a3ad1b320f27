"""Which media may go out with a text: public URLs that Twilio fetches by itself. Pure functions.

Source: Twilio, Messages resource, "MediaUrl": up to ten, each reachable from the internet.
"""

from collections.abc import Sequence

from shared.config_rules import check_public_url, is_loopback_url

MAX_MEDIA = 10
"""Twilio refuses more (error 21623)."""

MAX_URL_LENGTH = 2048


class BadMediaError(ValueError):
    """One URL is wrong, or there are too many (`index` is None). The text says what is expected and shows no URL."""

    def __init__(self, index: int | None, expected: str) -> None:
        super().__init__(expected)
        self.index = index


def check_media(urls: Sequence[str], *, loopback: bool) -> tuple[str, ...]:
    """Accept what Twilio could fetch. `loopback`: Twilio is a stand-in on this machine, so it reaches this machine too.

    Raises BadMediaError.
    """
    if len(urls) > MAX_MEDIA:
        raise BadMediaError(None, f"expected at most {MAX_MEDIA} media, found {len(urls)}")
    for index, url in enumerate(urls):
        _check(index, url, loopback=loopback)
    return tuple(urls)


def _check(index: int, url: str, *, loopback: bool) -> None:
    try:
        check_public_url(url)
    except ValueError:
        raise BadMediaError(index, "expected a URL such as https://example.com/menu.png, without user info") from None
    if len(url) > MAX_URL_LENGTH:
        raise BadMediaError(index, f"expected a URL of at most {MAX_URL_LENGTH} characters")
    if is_loopback_url(url):
        if not loopback:
            raise BadMediaError(index, "expected a URL that Twilio can reach; this one leads to the machine itself")
    elif not url.lower().startswith("https://"):
        raise BadMediaError(index, "expected https:// at its start: others could read or change what is sent")
