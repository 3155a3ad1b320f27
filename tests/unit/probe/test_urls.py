"""Two URLs compared: what is named differs, nothing else does, and what is called harmless is accepted at the door."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies as st

from ingress.signature import is_genuine, signature, url_as_signed
from workers.probe.urls import HARMLESS, Part, Split, differences, hide_user, is_same_place, repair, split

OURS = "https://sms.example.com/webhooks/sms#rc=3"

WORD = st.text("abcdefgXYZ0189-._~", min_size=1, max_size=8)
PATHS = st.lists(WORD | st.sampled_from(["%2D", "%2d", "a%20b", "sms", "SMS"]), max_size=4).map(
    lambda words: "".join(f"/{word}" for word in words)
) | st.sampled_from(["/", "/webhooks/sms/", "/webhooks/sms//"])
SPLITS = st.builds(
    Split,
    scheme=st.sampled_from(["https", "http", "HTTPS"]),
    user=st.none() | WORD,
    host=st.lists(WORD, min_size=1, max_size=3).map(".".join)
    | st.sampled_from(["127.0.0.1", "[::1]", "[2001:db8::1]"]),
    port=st.none() | st.sampled_from(["443", "80", "8443", ""]),
    path=PATHS,
    query=st.none() | st.sampled_from(["", "a=1", "a=1&b=%20", "x?y"]),
    fragment=st.none() | st.sampled_from(["", "rc=3", "rc=3&rp=ct,rt,5xx", "a#b"]),
)
ATTRIBUTES = ("scheme", "user", "host", "port", "path", "query", "fragment")


@given(SPLITS)
def test_pieces_put_together_again_are_the_url(pieces: Split) -> None:
    assert split(pieces.join()) == pieces


@given(SPLITS, SPLITS)
def test_repairing_every_named_part_makes_them_equal_and_leaving_one_out_does_not(one: Split, other: Split) -> None:
    theirs, ours = one.join(), other.join()
    named = [difference.part for difference in differences(theirs, ours)]
    assert (named == []) == (theirs == ours)
    assert repaired(theirs, ours, named) == ours
    for left_out in named:
        assert repaired(theirs, ours, [part for part in named if part is not left_out]) != ours


def repaired(theirs: str, ours: str, parts: list[Part]) -> str:
    for part in parts:
        theirs = repair(theirs, ours, part)
    return theirs


@given(SPLITS, SPLITS, st.sampled_from(ATTRIBUTES))
def test_a_single_change_is_named_alone(one: Split, other: Split, attribute: str) -> None:
    changed = Split(**{name: getattr(other if name == attribute else one, name) for name in ATTRIBUTES})
    found = differences(changed.join(), one.join())
    assert len(found) == (changed != one)
    for difference in found:
        assert repair(changed.join(), one.join(), difference.part) == one.join()


@given(SPLITS, SPLITS, st.lists(st.sampled_from(ATTRIBUTES), max_size=2))
def test_what_is_called_the_same_place_is_accepted_at_the_door(one: Split, other: Split, attributes: list[str]) -> None:
    """Twilio signs its own URL; the ingress checks against ours and the query that came."""
    theirs = Split(**{name: getattr(other if name in attributes else one, name) for name in ATTRIBUTES}).join()
    ours = one.join()
    if not is_same_place(theirs, ours) or one.scheme == "HTTPS":
        return
    signed = theirs.partition("#")[0]
    accepted = url_as_signed(ours.partition("#")[0], urlsplit(signed).query)
    assert is_genuine(given=signature("token", signed, b""), keys=("token",), url=accepted, parameters=b"")


@pytest.mark.parametrize(
    ("theirs", "parts"),
    [
        (OURS, []),
        ("", [Part.WHOLE]),
        ("sms.example.com", [Part.WHOLE]),
        (f" {OURS}", [Part.BLANKS]),
        ("http://sms.example.com/webhooks/sms#rc=3", [Part.SCHEME]),
        ("https://user:pass@sms.example.com/webhooks/sms#rc=3", [Part.USER]),
        ("https://mms.example.com/webhooks/sms#rc=3", [Part.HOST]),
        ("https://SMS.example.com/webhooks/sms#rc=3", [Part.HOST_CASE]),
        ("https://sms.example.com:8443/webhooks/sms#rc=3", [Part.PORT]),
        ("https://sms.example.com:443/webhooks/sms#rc=3", [Part.DEFAULT_PORT]),
        ("https://sms.example.com/webhook/sms#rc=3", [Part.PATH]),
        ("https://sms.example.com/Webhooks/SMS#rc=3", [Part.PATH_CASE]),
        ("https://sms.example.com/webhooks/sms/#rc=3", [Part.TRAILING_SLASH]),
        ("https://sms.example.com/webhooks%2Fsms#rc=3", [Part.PERCENT_ENCODING]),
        ("https://sms.example.com/webhooks/sms?a=1#rc=3", [Part.EXTRA_QUERY]),
        ("https://sms.example.com/webhooks/sms?#rc=3", [Part.QUERY]),
        ("https://sms.example.com/webhooks/sms", [Part.FRAGMENT]),
        ("http://sms.example.com:8080/sms", [Part.SCHEME, Part.PORT, Part.PATH, Part.FRAGMENT]),
    ],
)
def test_each_difference_has_its_name(theirs: str, parts: list[Part]) -> None:
    assert [difference.part for difference in differences(theirs, OURS)] == parts
    assert is_same_place(theirs, OURS) == (set(parts) <= HARMLESS)


def test_a_query_of_ours_that_twilio_lacks_is_no_extra_query() -> None:
    assert [d.part for d in differences("https://a.example/sms", "https://a.example/sms?key=1")] == [Part.QUERY]


def test_what_stands_before_the_host_is_hidden() -> None:
    assert hide_user("https://user:pass@a.example/sms") == "https://***@a.example/sms"
    assert hide_user(OURS) == OURS
