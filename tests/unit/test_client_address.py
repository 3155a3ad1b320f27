"""The client behind proxies is the right-most address that is not trusted; nothing that a client wrote counts."""

import pytest
from hypothesis import given, strategies as st

from ingress.client_address import UNKNOWN, client_address, parse_networks

TRUSTED = parse_networks(("10.0.0.0/8", "127.0.0.1", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["6.6.6.6, 198.51.100.1", "10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["10.4.4.4, 10.9.9.9"], "10.4.4.4"),
        ("10.1.2.3", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.1.2.3", ["nonsense"], UNKNOWN),
        ("10.1.2.3", [""], UNKNOWN),
        (None, ["198.51.100.1"], UNKNOWN),
        ("::ffff:10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8:1:2:3::4]:443"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1:2::/64"),
    ],
)
def test_the_client_is_the_right_most_untrusted_address(peer: str | None, forwarded: list[str], client: str) -> None:
    assert client_address(peer, forwarded, TRUSTED) == client


@given(junk=st.lists(st.text(max_size=40), max_size=4))
def test_an_untrusted_peer_cannot_choose_its_address(junk: list[str]) -> None:
    assert client_address("203.0.113.7", junk, TRUSTED) == "203.0.113.7"


@given(peer=st.text(max_size=40), junk=st.lists(st.text(max_size=40), max_size=4))
def test_no_header_raises(peer: str, junk: list[str]) -> None:
    assert client_address(peer, junk, TRUSTED)
