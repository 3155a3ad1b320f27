"""How a probe is shown: a table for people, with colours if there may be some, and JSON for programs. Pure."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cli.channels_words import iso
from cli.terminal import Paint
from workers.probe.finding import Finding, Severity, Verdict, decide_verdict
from workers.probe.repair import Change, Value
from workers.probe.result import ProbeResult
from workers.probe.urls import hide_user

_WORDS = {Severity.BAD: "BAD", Severity.UNKNOWN: "?", Severity.WARNING: "warn", Severity.OK: "ok"}
_STYLES = {
    Severity.BAD: ("bold", "red"),
    Severity.UNKNOWN: ("bold", "magenta"),
    Severity.WARNING: ("yellow",),
    Severity.OK: ("green",),
}
_VERDICTS = {
    Verdict.GOOD: ("good", ("bold", "green")),
    Verdict.BAD: ("BAD", ("bold", "red")),
    Verdict.UNKNOWN: ("could not tell", ("bold", "magenta")),
}
EXIT_STATUS = {Verdict.GOOD: 0, Verdict.BAD: 1, Verdict.UNKNOWN: 2}


def total(results: Mapping[str, ProbeResult]) -> Verdict:
    """The verdict over all accounts; without any, nobody can tell."""
    if not results:
        return Verdict.UNKNOWN
    return decide_verdict(finding for result in results.values() for finding in result.findings)


def describe(result: ProbeResult, paint: Paint, *, width: int) -> Iterator[str]:
    """One account: the verdict, then every finding, the worst first, each with what to do."""
    words, styles = _VERDICTS[result.verdict]
    yield f"account {result.account_id}: {paint(words, *styles)}  (probed in {result.duration_ms / 1000:.1f} s)"
    column = max((len(finding.code) for finding in result.findings), default=0)
    for finding, following in zip(result.findings, (*result.findings[1:], None), strict=True):
        is_said_below = following is not None and following.hint == finding.hint
        yield from _describe_finding(finding, paint, column=column, width=width, with_hint=not is_said_below)


def describe_change(change: Change, paint: Paint) -> Iterator[str]:
    """Exactly what would be written: field, old, new."""
    yield f"{change.label} ({change.sid})" if change.sid not in change.label else change.label
    column = max(len(each.name) for each in change.fields)
    for each in change.fields:
        yield f"  {each.name:<{column}}  {paint(show(each.old), 'red')} -> {paint(show(each.new), 'green')}"


def show(value: Value) -> str:
    """A field's value, without a password in a URL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return hide_user("".join(char if char.isprintable() else "�" for char in value)) or "(empty)"


def as_json(result: ProbeResult) -> dict[str, Any]:
    """The documented shape; see docs/cli.md."""
    return {
        "account": result.account_id,
        "verdict": result.verdict.value,
        "probedAt": iso(result.probed_ms),
        "durationMs": result.duration_ms,
        "findings": [_finding_as_json(finding) for finding in result.findings],
        "changes": [change_as_json(change) for change in result.changes],
    }


def change_as_json(change: Change) -> dict[str, Any]:
    """A change, planned or made."""
    fields = [{"name": each.name, "old": _hidden(each.old), "new": _hidden(each.new)} for each in change.fields]
    return {"target": change.target.value, "sid": change.sid, "label": change.label, "fields": fields}


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "sentence": finding.sentence,
        "hint": finding.hint or None,
        "fixable": finding.fixable,
        "detail": msgspec.to_builtins(finding.detail),
    }


def _hidden(value: Value) -> Value:
    return hide_user(value) if isinstance(value, str) else value


def _describe_finding(finding: Finding, paint: Paint, *, column: int, width: int, with_hint: bool) -> Iterator[str]:
    mark = paint(f"{_WORDS[finding.severity]:<4}", *_STYLES[finding.severity])
    first, *more = _wrap(finding.sentence, width - column - 10)
    yield f"  {mark}  {finding.code:<{column}}  {first}"
    indent = " " * (column + 10)
    yield from (f"{indent}{line}" for line in more)
    if with_hint and finding.hint and finding.severity is not Severity.OK:
        yield from (f"{indent}{paint(line, 'dim')}" for line in _wrap(f"-> {finding.hint}", width - column - 10))


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most that many columns where blanks allow it: a URL or a command is never cut."""
    return textwrap.wrap(text, max(width, 30), break_long_words=False, break_on_hyphens=False) or [""]
