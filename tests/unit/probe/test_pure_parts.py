"""The small decisions of the probe: overrides, private hosts, numbers that must be registered, the verdict."""

import pytest

from workers.probe.compare import KINDS
from workers.probe.finding import Severity, Verdict, decide_verdict
from workers.probe.numbers import needs_a2p
from workers.probe.overrides import parse_overrides
from workers.probe.repair import WRITABLE
from workers.probe.route import is_private_host


@pytest.mark.parametrize(
    ("fragment", "survives", "unreadable"),
    [
        ("", False, ()),
        ("#rc=3&rp=ct,rt,5xx", True, ()),
        ("#rc=1&rp=all", True, ()),
        ("#rp=5xx", True, ()),
        ("#rc=0&rp=5xx", False, ()),
        ("#rc=3", False, ()),
        ("#rc=6&rp=5xx", True, ("rc=6",)),
        ("#rc=3&rp=500", False, ("rp=500",)),
        ("#rt=4000&tt=99&e=ashburn&sni=y", False, ("tt=99",)),
        ("#retries=3", False, ("retries=3",)),
    ],
)
def test_overrides_are_read_as_twilio_documents_them(
    fragment: str, survives: bool, unreadable: tuple[str, ...]
) -> None:
    overrides = parse_overrides(f"https://sms.example.com/sms{fragment}")
    assert (overrides.survives_5xx, overrides.unreadable) == (survives, unreadable)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.0.0.1", "::1", "nas", "nas.local", "sms.internal"])
def test_hosts_that_the_internet_does_not_reach(host: str) -> None:
    assert is_private_host(host)


@pytest.mark.parametrize("host", ["sms.example.com", "8.8.8.8", "2606:4700::1111", "box.tail1234.ts.net"])
def test_hosts_that_it_may_reach(host: str) -> None:
    assert not is_private_host(host)


@pytest.mark.parametrize(
    ("number", "needed"),
    [("+12025550100", True), ("+18005550100", False), ("+14165550123", False), ("+442079460000", False), ("+1", False)],
)
def test_us_numbers_that_are_not_toll_free_must_be_registered(number: str, needed: bool) -> None:
    assert needs_a2p(number) is needed


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        ((), Verdict.GOOD),
        (("webhook-good", "low-balance"), Verdict.GOOD),
        (("webhook-good", "number-unknown"), Verdict.UNKNOWN),
        (("number-unknown", "url-path", "low-balance"), Verdict.BAD),
    ],
)
def test_the_verdict_is_the_worst_that_matters(codes: tuple[str, ...], verdict: Verdict) -> None:
    assert decide_verdict(KINDS[code].found("x") for code in codes) is verdict


def test_every_kind_explains_itself_and_says_what_to_do() -> None:
    for kind in KINDS.values():
        assert kind.means.endswith("."), kind.code
        assert kind.severity is Severity.OK or kind.hint, kind.code
        assert "voice" not in f"{kind.means}{kind.hint}".lower(), kind.code


def test_nothing_of_voice_can_be_written() -> None:
    fields = {name for names in WRITABLE.values() for name in names}
    assert not [name for name in fields if "voice" in name or not ("sms" in name or "inbound" in name)]
