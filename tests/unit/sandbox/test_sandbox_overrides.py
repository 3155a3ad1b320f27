"""Connection overrides are read from the fragment, and retries follow them."""

import pytest

from sandbox.overrides import Overrides, decide_retry, parse_failure, parse_overrides
from sandbox.posts import Attempt, Failure, PostResult

CONNECT, READ, CLIENT, SERVER = Failure.CONNECT, Failure.READ, Failure.CLIENT_ERROR, Failure.SERVER_ERROR


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("", Overrides()),
        ("rc=3&rt=4000", Overrides(retries=3, read_timeout_ms=4000)),
        ("rp=ct,rt,5xx", Overrides(retry_on=frozenset({CONNECT, READ, SERVER}))),
        ("rp=all", Overrides(retry_on=frozenset({CONNECT, READ, CLIENT, SERVER}))),
        ("rc=99&ct=1&tt=7", Overrides(retries=5, connect_timeout_ms=100, total_time_ms=100)),
        ("ct=99999&rt=99999", Overrides(connect_timeout_ms=10_000)),
        ("rc=many&rp=what&sni=y&e=ashburn&junk", Overrides()),
        ("rc=0", Overrides(retries=0)),
    ],
)
def test_the_fragment_says_how_to_connect(fragment: str, expected: Overrides) -> None:
    url = "https://gateway.example/sms?x=y"
    assert parse_overrides(f"{url}#{fragment}" if fragment else url) == (url, expected)


@pytest.mark.parametrize(
    ("failure", "overrides", "tries", "left_ms", "again"),
    [
        (None, Overrides(), 1, 9000, False),  # a good answer
        (CONNECT, Overrides(), 1, 9000, True),  # the default: a failed connection, once
        (CONNECT, Overrides(), 2, 9000, False),
        (SERVER, Overrides(), 1, 9000, False),
        (READ, Overrides(), 1, 9000, False),
        (SERVER, Overrides(retries=3, retry_on=frozenset({SERVER})), 3, 9000, True),
        (SERVER, Overrides(retries=3, retry_on=frozenset({SERVER})), 4, 9000, False),
        (CONNECT, Overrides(retries=5), 1, 0, False),  # the total time is over
        (CONNECT, Overrides(retries=0), 1, 9000, False),
    ],
)
def test_a_retry_needs_a_named_failure_a_try_left_and_time(
    failure: Failure | None, overrides: Overrides, tries: int, left_ms: float, again: bool
) -> None:
    assert decide_retry(failure, overrides, tries=tries, left_ms=left_ms) is again


@pytest.mark.parametrize(
    ("status", "failure"), [(200, None), (204, None), (301, Failure.OTHER_STATUS), (403, CLIENT), (503, SERVER)]
)
def test_a_status_is_a_failure_unless_it_is_2xx(status: int, failure: Failure | None) -> None:
    assert parse_failure(status) is failure


def test_a_result_speaks_for_its_last_try() -> None:
    failed = Attempt(url="u", failure=CONNECT)
    good = Attempt(url="u", status=200)
    assert PostResult(attempts=(failed,)).error_code == 11205
    assert PostResult(attempts=(failed, Attempt(url="u", status=500, failure=SERVER))).error_code == 11200
    assert (PostResult(attempts=(failed, good)).good, PostResult(attempts=(failed, good)).error_code) == (True, None)
    assert (PostResult(refused="no").good, PostResult(refused="no").status) == (False, None)
