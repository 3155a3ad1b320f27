"""A secret shows its value to `reveal()` and to nothing else."""

import copy
import json
import logging
import pickle
import pprint
import traceback
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from shared.secrets import Secret, SecretInput, SecretRef, SecretSource, describe_origin, split_command
from shared.settings import Account

VALUE = "hunter2-canary"
SECRET = Secret(VALUE, origin="env TWILIO_AUTH_TOKEN")


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>10}",
        "%s %r" % (SECRET, SECRET),  # noqa: UP031 - this is how logging does it
        repr({"token": SECRET}),
        pprint.pformat([SECRET]),
        repr(SecretInput(SECRET)),
        repr(Account(id="a", account_sid="AC", auth_token=SECRET)),
        json.dumps({"token": SECRET}, default=str),
        msgspec.json.encode({"token": SECRET}, enc_hook=repr).decode(),
        logging.makeLogRecord({"msg": "%s", "args": (SECRET,)}).getMessage(),
    ],
)
def test_no_way_of_printing_shows_the_value(shown: str) -> None:
    assert VALUE not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "serialise",
    [
        pickle.dumps,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        lambda secret: msgspec.json.encode(Account(id="a", account_sid="AC", auth_token=secret)),
        lambda secret: pickle.dumps(Account(id="a", account_sid="AC", auth_token=secret)),
    ],
)
def test_no_serialiser_takes_it(serialise: Any) -> None:
    with pytest.raises(TypeError):
        serialise(SECRET)


def test_a_traceback_with_locals_does_not_show_the_value() -> None:
    local = SECRET
    try:
        raise RuntimeError(local)
    except RuntimeError as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        assert VALUE not in "".join(lines).replace(repr(VALUE), "")


def test_reveal_gives_the_value() -> None:
    assert SECRET.reveal() == VALUE


def test_copies_are_the_same_object() -> None:
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy({"token": [SECRET]})["token"][0] is SECRET


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        SECRET.origin = "elsewhere"
    with pytest.raises(AttributeError):
        del SECRET.origin
    assert not hasattr(SECRET, "__dict__")


def test_two_secrets_are_equal_by_value_wherever_they_come_from() -> None:
    assert Secret("a", origin="env A") == Secret("a", origin="file /a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("ü")}) == 2


@given(st.text(), st.text())
def test_equality_is_equality_of_values(one: str, other: str) -> None:
    if not any("\ud800" <= letter <= "\udfff" for letter in one + other):
        assert (Secret(one) == Secret(other)) is (one == other)


@pytest.mark.parametrize(
    ("secret", "description"),
    [
        (None, "not set"),
        (SECRET, "*** (env TWILIO_AUTH_TOKEN)"),
        (Secret("x"), "*** (plain text)"),
        (SecretInput(Secret("x")), "*** (plain text)"),
        (SecretRef(source=SecretSource.ENV, id="A"), "*** (env A)"),
        (SecretInput(SecretRef(source=SecretSource.FILE, id="/run/s#/a")), "*** (file /run/s#/a)"),
        (SecretRef(source=SecretSource.EXEC, id="/bin/pass show 'my secret'"), "*** (exec /bin/pass)"),
        (SecretRef(source=SecretSource.EXEC, id='["/opt/my pass", "-p", "x"]'), "*** (exec /opt/my pass)"),
        (SecretRef(source=SecretSource.EXEC, id="'"), "*** (exec ?)"),
        (SecretRef(source=SecretSource.EXEC, provider="vault", id="a/b"), "*** (exec vault)"),
    ],
)
def test_the_origin_says_where_it_comes_from_and_no_more(
    secret: Secret | SecretRef | SecretInput | None, description: str
) -> None:
    assert describe_origin(secret) == description


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/bin/pass show twilio", ["/bin/pass", "show", "twilio"]),
        ("/bin/pass 'a b'", ["/bin/pass", "a b"]),
        ('["/bin/pass", "a b", "$HOME"]', ["/bin/pass", "a b", "$HOME"]),
        ("/bin/echo $HOME; rm -rf /", ["/bin/echo", "$HOME;", "rm", "-rf", "/"]),
        ("/bin/pass 'open", []),
        ('["/bin/pass"', []),
        ("[1]", []),
        ('["/bin/a\\u0000b"]', []),
        ("", []),
    ],
)
def test_a_command_is_split_into_words_and_never_meets_a_shell(text: str, words: list[str]) -> None:
    assert split_command(text) == words
