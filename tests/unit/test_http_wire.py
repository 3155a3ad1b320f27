"""Requests as bytes: our own encoder says what the standard library's says, and nothing gets a second line."""

from urllib.parse import urlencode

import pytest
from hypothesis import example, given, strategies as st

from workers.http_connection import Answer
from workers.http_pool import Origin
from workers.http_wire import basic_auth, encode_form, encode_request, place_of, text_of, with_query

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = WORDS | st.integers() | st.lists(WORDS, max_size=3)


@given(st.dictionaries(WORDS, VALUES, max_size=4))
@example({"To": "+1 555", "Body": "100 % & more = ~_.-*/\r\n\x7f", "MediaUrl": ["https://a/b?c=d", "é"]})
def test_a_form_is_what_the_standard_library_makes_of_it(data: dict[str, object]) -> None:
    assert encode_form(data) == urlencode(data, doseq=True).encode()


@pytest.mark.parametrize(
    ("url", "host", "target", "origin"),
    [
        ("https://api.twilio.com/2010/M.json", "api.twilio.com", "/2010/M.json", Origin("api.twilio.com", 443, True)),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", "/", Origin("127.0.0.1", 8080, False)),
        ("http://[::1]:81/a?b=c%20d#e", "[::1]:81", "/a?b=c%20d", Origin("::1", 81, False)),
        ("https://a.example/x y/é\r\n", "a.example", "/x%20y/%C3%A9", Origin("a.example", 443, True)),
        ("https://user:secret@a.example/", "a.example", "/", Origin("a.example", 443, True)),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, target: str, origin: Origin) -> None:
    place = place_of(url)
    assert (place.host, place.target, place.origin) == (host, target, origin)


@pytest.mark.parametrize("url", ["", "/path", "ftp://a.example/", "https:///path"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https URL"):
        place_of(url)


def test_parameters_join_those_of_the_url() -> None:
    assert with_query("/a", {"To": "+1", "List": ["x", "y"]}) == "/a?To=%2B1&List=x&List=y"
    assert with_query("/a?Page=1", {"Size": 2}) == "/a?Page=1&Size=2"
    assert with_query("/a", None) == with_query("/a", {}) == "/a"


def test_a_request_is_one_piece() -> None:
    assert encode_request("POST", "a.example", "/m", {"Accept": "text/plain"}, b"a=b") == (
        b"POST /m HTTP/1.1\r\nHost: a.example\r\nAccept: text/plain\r\nContent-Length: 3\r\n\r\na=b"
    )
    assert encode_request("POST", "a", "/", {}, b"").endswith(b"Content-Length: 0\r\n\r\n")
    assert encode_request("GET", "a", "/", {}, b"") == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0", "a\x7f", "é"])
def test_a_header_cannot_smuggle_another(value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        encode_request("GET", "a.example", "/", {"X": value}, b"")


def test_a_header_may_hold_blanks_and_tabs() -> None:
    assert b"\r\nX: a \tb~\r\n" in encode_request("GET", "a.example", "/", {"X": "a \tb~"}, b"")


def test_credentials_are_basic() -> None:
    """Source: RFC 7617, section 2."""
    assert basic_auth("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("application/json", "é".encode(), "é"),
        ("text/html; charset=ISO-8859-1", "é".encode("latin-1"), "é"),
        ('text/html; Charset="utf-8"; x=y', "é".encode(), "é"),
        ("text/html; charset=no-such-thing", "é".encode(), "é"),
        ("text/html; charset=hex", "é".encode(), "é"),
        ("text/html; charset=rot13", b"ab", "ab"),
        ("text/html; charset=a\0", b"ab", "ab"),
        ("text/html; charset=utf-16-le", "é".encode("utf-16-le"), "é"),
        ("", b"", ""),
    ],
)
def test_a_body_is_read_as_the_answer_says(content_type: str, body: bytes, text: str) -> None:
    assert text_of(Answer(200, {"content-type": content_type}, body)) == text


def test_a_body_that_is_not_what_it_says_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        text_of(Answer(200, {}, b"\xff"))
