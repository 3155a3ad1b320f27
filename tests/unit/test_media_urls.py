"""Only media that Twilio could fetch, and that nobody on the way could change, go out."""

import pytest

from shared.media_urls import MAX_MEDIA, BadMediaError, check_media

GOOD = "https://example.com/menu.png?size=2#top"


def test_public_https_urls_are_taken_as_they_are() -> None:
    assert check_media([GOOD, "HTTPS://EXAMPLE.com:8443/ü.png"], loopback=False) == (
        GOOD,
        "HTTPS://EXAMPLE.com:8443/ü.png",
    )
    assert check_media([], loopback=False) == ()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com/menu.png", "https://"),
        ("example.com/menu.png", "a URL such as"),
        ("ftp://example.com/menu.png", "a URL such as"),
        ("https://", "a URL such as"),
        ("https://user:word@example.com/menu.png", "without user info"),
        ("https://example.com/a b.png", "a URL such as"),
        ("https://example.com/a\nb.png", "a URL such as"),
        ("https://example.com:0/a.png", "a URL such as"),
        ("", "a URL such as"),
        ("http://127.0.0.1:8000/menu.png", "Twilio can reach"),
        ("https://localhost/menu.png", "Twilio can reach"),
        (f"https://example.com/{'a' * 2048}", "2048 characters"),
    ],
)
def test_other_urls_are_refused_by_their_place_and_never_repeated(url: str, expected: str) -> None:
    with pytest.raises(BadMediaError) as refused:
        check_media([GOOD, url], loopback=False)
    assert refused.value.index == 1
    assert expected in str(refused.value)
    assert "word" not in str(refused.value)


def test_a_stand_in_on_this_machine_reaches_this_machine() -> None:
    assert check_media(["http://127.0.0.1:8000/menu.png"], loopback=True)
    with pytest.raises(BadMediaError, match="https://"):
        check_media(["http://example.com/menu.png"], loopback=True)


def test_at_most_ten_are_taken() -> None:
    assert len(check_media([GOOD] * MAX_MEDIA, loopback=False)) == MAX_MEDIA
    with pytest.raises(BadMediaError, match="at most 10 media, found 11") as refused:
        check_media([GOOD] * (MAX_MEDIA + 1), loopback=False)
    assert refused.value.index is None
