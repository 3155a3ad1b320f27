"""The rules a single value must keep: URLs, paths, addresses, SIDs, the policy with its list. Pure functions.

A function raises `ValueError` with what is expected, and never with the value; the caller knows the key.
"""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

import msgspec

from shared.phone import Address, parse_address, parse_e164, parse_person
from shared.redis_sentinel import parse_sentinel
from shared.settings_channels import DmPolicy, PhoneInput

RESERVED_PATHS = ("/healthz", "/readyz", "/v1")
"""Routes of the ingress itself; a webhook there would shadow them."""

_ACCOUNT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+/?")
_RCS_SENDER = re.compile(r"rcs:(?!\+)[A-Za-z0-9_.-]{1,100}")
_BLANK_OR_CONTROL = re.compile("[\x00-\x20\x7f-\xa0\ud800-\udfff\\\\]")
_CALLABLE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_OPAQUE = re.compile(r"\d{3,6}|(?=.*[^\W\d_])[^\x00-\x1f\x7f-\x9f\ud800-\udfff*]{1,100}")
"""A short code, or a name with a letter in it. What looks like a phone number and is none is a slip."""
_REDIS_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel")


class AllowList(msgspec.Struct, frozen=True, kw_only=True):
    """`allowFrom`, taken apart."""

    numbers: frozenset[Address]
    everybody: bool


def check_api_base(url: str) -> str:
    """Accept the base of a stand-in for Twilio, without a slash at the end, only on this machine.

    Real credentials and texts go wherever this points; so nothing but the loopback is taken, and no user info.
    """
    expected = "expected a loopback address such as http://127.0.0.1:4010"
    try:
        parts = _split(url)
        is_loopback = _is_loopback(parts.hostname or "")
    except ValueError as error:
        raise ValueError(expected) from error
    if not is_loopback or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(expected)
    return url.removesuffix("/")


def check_public_url(url: str) -> str:
    """Accept an absolute http or https URL without user info; not a byte of it is changed."""
    try:
        _split(url)
    except ValueError as error:
        raise ValueError(
            "expected the webhook URL as Twilio has it, such as https://gateway.example.com/webhooks/sms, "
            "without user info"
        ) from error
    return url


def check_service_url(url: str) -> str:
    """Accept where an agent or an alarm listens: an absolute http or https URL without user info or fragment."""
    try:
        _split(url)
    except ValueError as error:
        raise ValueError("expected an http or https URL without user info, such as http://127.0.0.1:8000/v1") from error
    if "#" in url:
        raise ValueError("expected a URL without #")
    return url


def check_webhook_path(path: str) -> str:
    """Accept a plain absolute path that no other route of the ingress needs."""
    path = path.strip()
    segments = path.split("/")
    if len(path) > 256 or not _PATH.fullmatch(path) or "." in segments or ".." in segments:
        raise ValueError("expected a path such as /webhooks/sms, without query, blanks, % or ..")
    if any(path == reserved or path.startswith(f"{reserved}/") for reserved in RESERVED_PATHS):
        raise ValueError(f"expected a path of its own; {', '.join(RESERVED_PATHS)} are taken")
    return path


def check_rcs_sender(sender: str) -> str:
    """Accept the address of an RCS sender as Twilio shows it, `rcs:` and a name."""
    sender = sender.strip()
    if not _RCS_SENDER.fullmatch(sender):
        raise ValueError("expected an RCS sender such as rcs:brand_agent")
    return sender


def check_account_id(account_id: str) -> str:
    """Accept what can stand in a Redis key, in a path of `config get` and on a command line."""
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise ValueError("expected an id of up to 64 letters, digits, - and _")
    return account_id


def check_redis_url(url: str) -> str:
    """Accept a URL of a scheme that we speak, with a host or, for unix, a path."""
    expected = "expected redis://, rediss://, unix:// or redis+sentinel:// with a host, or a path for unix"
    if _BLANK_OR_CONTROL.search(url):
        raise ValueError(expected)
    try:
        parts = urlsplit(url)
        _ = None if parts.scheme == "redis+sentinel" else parts.port  # reading it raises for one that is none
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme == "redis+sentinel":
        parse_sentinel(url)
    if parts.scheme not in _REDIS_SCHEMES or not (parts.path if parts.scheme == "unix" else parts.netloc):
        raise ValueError(expected)
    return url


def check_redis_prefix(prefix: str) -> str:
    """Accept what cannot be mistaken for a pattern or a hash tag."""
    if not _REDIS_PREFIX.fullmatch(prefix):
        raise ValueError("expected up to 64 letters, digits and _ . : -, such as tg:")
    return prefix


def check_callable(name: str) -> str:
    """Accept `package.module:callable`; nothing is imported here."""
    if not _CALLABLE.fullmatch(name):
        raise ValueError("expected package.module:callable, such as my_agent.main:answer")
    return name


def check_time_zone(zone: str) -> str:
    """Accept the name of an IANA time zone that this machine knows."""
    from zoneinfo import ZoneInfo  # most set-ups have UTC

    if zone == "UTC":
        return zone
    try:
        return ZoneInfo(zone.strip()).key
    except (KeyError, OSError, ValueError):  # not there, a folder, not a name
        raise ValueError("expected an IANA zone such as Europe/Berlin") from None


def check_network(network: str) -> str:
    """Accept an IP address or a network; `10.0.0.1/8` with host bits set means the whole network."""
    from ipaddress import ip_network  # most set-ups name no proxy

    try:
        return str(ip_network(network.strip(), strict=False))
    except ValueError:
        raise ValueError("expected an IP address or a network such as 10.0.0.0/8") from None


def parse_allow_from(raw: Iterable[PhoneInput] | str) -> AllowList:
    """Normalise the list; a number that is wrong raises with its index: `[2]: …`."""
    if isinstance(raw, str):
        if raw.strip() != "*":
            raise ValueError('expected a list such as ["+15551234567"], or "*"')
        return AllowList(numbers=frozenset(), everybody=True)
    numbers: set[Address] = set()
    everybody = False
    for index, entry in enumerate(raw):
        if isinstance(entry, str) and entry.strip() == "*":
            everybody = True
            continue
        try:
            numbers.add(parse_person(entry))
        except ValueError as error:
            raise BadEntryError(index, str(error)) from error
    return AllowList(numbers=frozenset(numbers), everybody=everybody)


def parse_block_from(raw: Iterable[PhoneInput]) -> frozenset[Address]:
    """Normalise the list; short codes and names count as they are written. One that is wrong raises with its index."""
    senders: set[Address] = set()
    for index, entry in enumerate(raw):
        try:
            senders.add(parse_e164(entry))
        except ValueError as error:
            if not _OPAQUE.fullmatch(str(entry).strip()):
                raise BadEntryError(index, str(error)) from error
            senders.add(parse_address(str(entry)))
    return frozenset(senders)


class BadEntryError(ValueError):
    """One entry of a list is wrong."""

    def __init__(self, index: int, expected: str) -> None:
        super().__init__(expected)
        self.index = index


def check_policy(policy: DmPolicy, allowed: AllowList) -> None:
    """Refuse a policy whose list contradicts it: nobody may get in, or stay out, by a slip."""
    if policy is DmPolicy.OPEN and not allowed.everybody:
        raise ValueError('expected "*" in it, since dmPolicy is open')
    if policy in (DmPolicy.PAIRING, DmPolicy.ALLOWLIST) and allowed.everybody:
        raise ValueError(f'expected no "*", since dmPolicy is {policy}; to let everybody in, set dmPolicy: "open"')
    if policy is DmPolicy.ALLOWLIST and not allowed.numbers:
        raise ValueError("expected at least one number, since dmPolicy is allowlist")


def is_sid(sid: str, prefix: str) -> bool:
    """Whether it has the form of a Twilio SID: two letters and 32 hex digits."""
    return re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", sid) is not None


def is_loopback_url(url: str) -> bool:
    """Whether a URL that passed `check_public_url` leads to this machine."""
    return _is_loopback(urlsplit(url).hostname or "")


def _split(url: str) -> SplitResult:
    """Take an absolute http(s) URL apart; raises `ValueError` for anything else, user info included."""
    if _BLANK_OR_CONTROL.search(url):
        raise ValueError("blank or control character")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not absolute, not http, or with user info")
    if parts.port == 0:  # reading the port raises for anything that is none
        raise ValueError("no port")
    return parts


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address  # see check_network

    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
