"""Nothing but this machine is ever reached, by configuration or by address."""

import pytest

from sandbox.config import check_webhook_url, default_config
from sandbox.loopback import is_loopback_host, is_loopback_url, is_web_url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_hosts(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.1", "10.0.0.1", "example.com", "localhost.example.com", "127.0.0.1.example.com", "0x7f000001"]
)
def test_other_hosts(host: str) -> None:
    assert not is_loopback_host(host)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8080/sms", True),
        ("https://[::1]/sms?x=y#rc=1", True),
        ("http://localhost", True),
        ("http://127.0.0.1@example.com/", False),
        ("http://example.com/127.0.0.1", False),
        ("ftp://127.0.0.1/", False),
        ("//127.0.0.1/", False),
        ("http://127.0.0.1:port/", False),
    ],
)
def test_only_loopback_urls_pass(url: str, loopback: bool) -> None:
    assert is_loopback_url(url) is loopback


def test_a_web_url_may_be_elsewhere() -> None:
    assert is_web_url("https://example.com/cat.png")
    assert not is_web_url("nowhere")


def test_a_webhook_of_another_machine_is_refused_in_the_configuration() -> None:
    with pytest.raises(ValueError, match=r"sms_url: 'https://gateway\.example/sms'"):
        default_config(sms_url="https://gateway.example/sms")
    with pytest.raises(ValueError, match="sms_fallback_url"):
        check_webhook_url("sms_fallback_url", "http://192.0.2.1/")
