"""A connection that is not made says why, and where to look."""

import socket
import ssl

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError as RedisConnectionError,
    OutOfMemoryError,
)
from redis.sentinel import MasterNotFoundError

from shared.redis_away import describe_away, place
from shared.unreached import why_unreached


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "its name could not be looked up (DNS)"),
        (ConnectionRefusedError(111, "Connect call failed"), "nothing listens there"),
        (FileNotFoundError(2, "No such file or directory"), "there is no such socket"),
        (certificate_error(), "its certificate does not pass: self-signed certificate"),
        (ssl.SSLError(1, "wrong version number"), "no TLS connection came about"),
        (TimeoutError(), "no answer in time"),
        (OSError(113, "No route to host"), "[Errno 113] No route to host"),
        (ValueError(), "ValueError"),
    ],
)
def test_the_cause_is_told_in_words(error: Exception, words: str) -> None:
    assert why_unreached(error) == words


def test_a_cause_below_a_librarys_error_is_found() -> None:
    error = RedisConnectionError("Error 111 connecting to 127.0.0.1:1.")
    error.__context__ = ConnectionRefusedError(111, "Connect call failed")
    assert why_unreached(error) == "nothing listens there"


def test_causes_that_go_in_a_circle_come_to_an_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert why_unreached(one) == "one"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://ann:hush@127.0.0.1:1/3", "127.0.0.1:1"),
        ("rediss://:hush@redis.example.com", "redis.example.com:6379"),
        ("redis://:hush@[::1]:7000", "[::1]:7000"),
        ("redis://", "localhost:6379"),
        ("unix://ann:hush@/run/my%20redis.sock?db=1", "/run/my redis.sock"),
        ("redis+sentinel://:hush@one,two:7/texts?sentinelPassword=hush", "texts of one:26379, two:7"),
    ],
)
def test_where_a_redis_was_looked_for_is_told_without_its_password(url: str, shown: str) -> None:
    assert place(url) == shown


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "Redis does not answer at localhost:6379 (nothing listens there)"),
        (BusyLoadingError("it is loading"), "Redis at localhost:6379 answers: it is loading"),
        (AuthenticationError("Authentication required."), "Redis at localhost:6379 answers: Authentication required"),
        (OutOfMemoryError("OOM command not allowed"), "Redis at localhost:6379 answers: OOM command not allowed"),
    ],
)
def test_a_redis_that_answers_but_does_not_serve_says_it_itself(error: Exception, words: str) -> None:
    assert describe_away(error, "redis://localhost") == words


def test_sentinels_that_name_nobody_are_not_quoted_at_length() -> None:
    error = MasterNotFoundError("No master found for 'texts' : <redis.asyncio.client.Redis(…)>")
    said = describe_away(error, "redis+sentinel://one/texts")
    assert said == "Redis does not answer at texts of one:26379 (no Sentinel names its primary)"
