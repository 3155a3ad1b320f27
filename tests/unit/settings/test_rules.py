"""The rules for single values, as tables."""

import pytest
from hypothesis import given, strategies as st

from shared.config_rules import (
    check_api_base,
    check_network,
    check_public_url,
    check_redis_url,
    check_webhook_path,
    is_sid,
    parse_allow_from,
)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4010",
        "http://127.0.0.1",
        "https://127.1.2.3:65535",
        "http://localhost:4010",
        "http://LOCALHOST:1",
        "http://[::1]:4010",
    ],
)
def test_a_stand_in_for_twilio_lives_on_this_machine(url: str) -> None:
    assert check_api_base(url) == url
    assert check_api_base(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:4010",
        "//127.0.0.1:4010",
        "https://api.twilio.com",
        "http://10.0.0.1:4010",
        "http://0.0.0.0:4010",
        "http://[::]:4010",
        "http://169.254.169.254",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://example.com#@127.0.0.1",
        "http://127.0.0.1@example.com",
        "http://user:password@127.0.0.1",
        "http://127.0.0.1:4010/path",
        "http://127.0.0.1:4010?x=y",
        "http://127.0.0.1:4010#x",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://2130706433",
        "http://127.1",
        "http://127.0.0.1 ",
        "http://127.0.0.1\\@example.com",
        "http://127.0.0.1\n.example.com",
        "file:///etc/passwd",
        "unix:///run/twilio",
    ],
)
def test_credentials_never_go_anywhere_else(url: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a loopback address such as http://127\.0\.0\.1:4010$"):
        check_api_base(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://gateway.example.com/webhooks/sms",
        "https://gateway.example.com",
        "http://gateway.example.com:8080/",
        "HTTPS://Gateway.Example.COM/?a=%20b&a=&c#rc=3",
        "https://[2001:db8::1]:8443/sms",
        "https://gateway.tail1234.ts.net/webhooks/sms",
        "https://münchen.example/sms",
    ],
)
def test_a_public_url_is_taken_byte_for_byte(url: str) -> None:
    assert check_public_url(url) == url


@given(st.text(max_size=60))
def test_any_text_is_a_public_url_as_it_is_or_no_public_url(text: str) -> None:
    try:
        url = check_public_url(text)
    except ValueError:
        return
    assert url == text
    assert url.lower().startswith(("http://", "https://"))


@pytest.mark.parametrize("path", ["/webhooks/sms", "/a", "/a/", "/a-b_c.d~e", "/v1x", "/healthz2", "/a/v1"])
def test_a_webhook_path_is_a_plain_path(path: str) -> None:
    assert check_webhook_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/", "a", "//", "/a//b", "/a b", "/a?b", "/a#b", "/a/./b", "/..", "/{a}", "/ü", "/a\\b", "/" + "a" * 300],
)
def test_any_other_webhook_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a path such as /webhooks/sms"):
        check_webhook_path(path)


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:p%40ss@localhost:6379/0",
        "rediss://user:secret@redis.example.com:6380/1",
        "unix:///run/redis.sock?db=1",
        "redis+sentinel://:secret@one:26379,two:26379/mymaster/0",
    ],
)
def test_a_redis_url_has_a_scheme_that_we_speak(url: str) -> None:
    assert check_redis_url(url) == url


@pytest.mark.parametrize(
    ("raw", "network"),
    [
        ("10.0.0.1", "10.0.0.1/32"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("::1", "::1/128"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_a_proxy_is_an_address_or_a_network(raw: str, network: str) -> None:
    assert check_network(raw) == network


@pytest.mark.parametrize(
    ("sid", "prefix", "verdict"),
    [
        ("AC" + "0" * 32, "AC", True),
        ("AC" + "aB" * 16, "AC", True),
        ("AC" + "x" * 32, "AC", False),
        ("AC" + "0" * 31, "AC", False),
        ("AC" + "0" * 32 + "\n", "AC", False),
        ("MG" + "0" * 32, "AC", False),
        ("ac" + "0" * 32, "AC", False),
    ],
)
def test_a_sid_is_two_letters_and_32_hex_digits(sid: str, prefix: str, verdict: bool) -> None:
    assert is_sid(sid, prefix) is verdict


@given(st.lists(st.sampled_from(["*", "+15551234567", "sms:15551234567", 15557654321, "+4915112345678"]), max_size=8))
def test_an_allow_list_means_the_same_in_any_order_and_with_repeats(entries: list[str | int]) -> None:
    once = parse_allow_from(entries)
    again = parse_allow_from([*reversed(entries), *entries])
    assert once == again
    assert once.everybody is ("*" in entries)
    assert parse_allow_from(sorted(once.numbers)).numbers == once.numbers
