"""A fault in a request is told by its place, whatever stands there."""

import msgspec
import pytest
from hypothesis import given, strategies as st

from ingress.api.body import explain, parse_send
from ingress.api.problems import Kind, RefusedError
from ingress.api.wire import SendRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from([field.encode_name for field in msgspec.structs.fields(SendRequest)])


@given(st.dictionaries(FIELDS | st.text(), JSON, max_size=4) | JSON)
def test_any_document_is_understood_or_refused(document: object) -> None:
    try:
        body = msgspec.json.encode(document)
    except (UnicodeEncodeError, msgspec.MsgspecError):  # lone surrogates, numbers beyond 64 bits
        return
    understood = outcome(body)
    if isinstance(understood, SendRequest):
        assert (understood.text is msgspec.UNSET) != (understood.texts is msgspec.UNSET)
        return
    assert understood.kind is Kind.INVALID_REQUEST
    (fault,) = understood.errors
    assert fault.pointer == "" or fault.pointer.startswith("/")


def outcome(body: bytes) -> SendRequest | RefusedError:
    try:
        return parse_send(body)
    except RefusedError as error:
        return error


@given(st.binary())
def test_any_bytes_are_understood_or_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_send(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("error", "pointer", "detail"),
    [
        ("Expected `str`, got `int` - at `$.texts[2]`", "/texts/2", "Expected `str`, got `int`"),
        ("Expected `object`, got `int`", "", "Expected `object`, got `int`"),
        ("Expected `str` matching regex '\\\\S' - at `$.text`", "/text", "expected a text that is not blank"),
    ],
)
def test_a_complaint_becomes_a_pointer_and_a_sentence(error: str, pointer: str, detail: str) -> None:
    assert explain(error) == (pointer, detail)
