"""Our form parser says what the standard library's says, for every body there is; it is only faster."""

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given, strategies as st

from ingress.form import MAX_FIELDS, parse_form
from shared.errors import RejectedError

FORM = "application/x-www-form-urlencoded"


def by_the_book(body: bytes) -> list[tuple[str, str]] | None:
    """None: refused."""
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        return None


def ours(body: bytes) -> list[tuple[str, str]] | None:
    try:
        return parse_form(body, FORM)
    except RejectedError:
        return None


@example(b"a=%2B1+2&b=%zz&c=%&d=%C3%A9&e==&=f")
@example(b"a=%C3")
@example(b"a")
@example(b"a=1&&b=2")
@given(st.text(alphabet="ab=&%+2BCzé\x00", max_size=40).map(str.encode))
def test_any_body_is_parsed_as_the_standard_library_does(body: bytes) -> None:
    assert ours(body) == by_the_book(body)


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), max_size=20))
def test_what_a_browser_encodes_comes_back(pairs: list[tuple[str, str]]) -> None:
    pairs = [(name, value) for name, value in pairs if not any("\ud800" <= c <= "\udfff" for c in name + value)]
    assert ours(urlencode(pairs).encode()) == pairs


@pytest.mark.parametrize(("count", "accepted"), [(MAX_FIELDS, True), (MAX_FIELDS + 1, False)])
def test_the_number_of_fields_is_bounded(count: int, accepted: bool) -> None:
    assert (ours(b"&".join([b"a=1"] * count)) is not None) == accepted
