"""When an alarm is raised, and when a paused account may go on."""

import pytest

from shared.records import Pause
from workers.probe.finding import Finding, Severity, Verdict, decide_verdict
from workers.probe.result import ProbeResult
from workers.probing.alarm import decide_alarm
from workers.probing.pardon import decide_pardon


def result(*codes: str) -> ProbeResult:
    """A result with these findings: `!code` is bad, `?code` unknown, else good."""
    severities = {"!": Severity.BAD, "?": Severity.UNKNOWN}
    findings = tuple(
        Finding(code=code.lstrip("!?"), severity=severities.get(code[0], Severity.OK), sentence=code) for code in codes
    )
    return ProbeResult(
        account_id="a", verdict=decide_verdict(findings), findings=findings, probed_ms=1000, duration_ms=1
    )


@pytest.mark.parametrize(
    ("found", "raised", "told"),
    [
        (("webhook-good",), (), None),
        (("!url-path",), (), {"url-path"}),
        (("!url-path",), ("url-path",), None),
        (("!url-path", "!no-balance"), ("url-path",), {"url-path", "no-balance"}),
        (("!url-path",), ("url-path", "no-balance"), None),
        (("webhook-good",), ("url-path",), set()),
        (("?twilio-unreachable",), ("url-path",), None),
        (("?twilio-unreachable",), (), None),
    ],
)
def test_an_alarm_tells_what_is_new_once_and_when_all_is_good_again(
    found: tuple[str, ...], raised: tuple[str, ...], told: set[str] | None
) -> None:
    alarm = decide_alarm(result(*found), frozenset(raised))
    assert (None if alarm is None else set(alarm.bad)) == told


@pytest.mark.parametrize(
    ("code", "found", "free"),
    [
        ("twilio-20003", ("credentials-good",), True),
        ("twilio-20003", ("!wrong-credentials",), False),
        ("twilio-20005", ("credentials-good", "!account-suspended"), False),
        ("twilio-30002", ("credentials-good",), True),
        ("twilio-21606", ("credentials-good",), False),
        ("twilio-21606", ("credentials-good", "number-found"), True),
        ("twilio-21705", ("service-found",), True),
        ("twilio-30034", ("credentials-good", "number-found"), False),
        ("by-hand", ("credentials-good", "number-found"), False),
    ],
)
def test_a_pause_ends_only_if_the_probe_can_vouch_for_its_cause(code: str, found: tuple[str, ...], free: bool) -> None:
    pause = Pause(code=code, message="", hint="", since_ms=999)
    assert decide_pardon(pause, result(*found)) is free


def test_a_pause_younger_than_the_probe_stays() -> None:
    pause = Pause(code="twilio-20003", message="", hint="", since_ms=1000)
    assert not decide_pardon(pause, result("credentials-good"))


def test_an_alarm_masks_numbers() -> None:
    alarm = decide_alarm(result("!+12025550100 is wrong"), frozenset())
    assert alarm is not None
    assert "2025550100" not in str(alarm.as_json()["findings"][0]["sentence"])
    assert alarm.result.verdict is Verdict.BAD
