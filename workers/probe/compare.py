"""Facts, compared with what is configured: every check, and every kind of finding that there is. Pure."""

from collections.abc import Callable, Iterator

from workers.probe import (
    check_account,
    check_number,
    check_outside,
    check_resilience,
    check_service,
    check_traffic,
    check_webhook,
)
from workers.probe.facts import Facts
from workers.probe.finding import Finding, Kind, Severity
from workers.probe.route import Expectation

Check = Callable[[Facts, Expectation], Iterator[Finding]]

_MODULES = (check_account, check_number, check_service, check_webhook, check_resilience, check_outside, check_traffic)

CHECKS: tuple[Check, ...] = tuple(check for module in _MODULES for check in module.CHECKS)

KINDS: dict[str, Kind] = {kind.code: kind for module in _MODULES for kind in module.KINDS}
"""By code, in the order in which they are explained."""

_ORDER = (Severity.BAD, Severity.UNKNOWN, Severity.WARNING, Severity.OK)


def compare(facts: Facts, want: Expectation) -> tuple[Finding, ...]:
    """All findings, the worst first; among equals the one that explains the others first."""
    found = [finding for check in CHECKS for finding in check(facts, want)]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
