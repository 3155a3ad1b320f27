"""Prints at the end of the run how many webhooks were generated and how they were answered."""

from collections import Counter

import pytest

TOLD: dict[str, Counter[int]] = {}
"""Test -> how often each status was answered; 0: the client had hung up."""

NOTES: dict[str, str] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for test, told in sorted(TOLD.items()):
        statuses = ", ".join(f"{status or 'hung up'}: {count:,}" for status, count in sorted(told.items()))
        terminalreporter.write_sep("-", f"{test}: {told.total():,} webhooks")
        terminalreporter.write_line(f"{statuses}{NOTES.get(test, '')}")
