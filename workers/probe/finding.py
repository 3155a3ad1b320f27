"""What the probe says: kinds of findings, findings, and the verdict over them. Values, no I/O.

A `Kind` is the documentation of a finding, once: `docs/troubleshooting.md` is made from all of them. A check (a small
function beside its kinds) turns facts into `Finding`s of these kinds. Codes are stable: programs may rely on them.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec


class Severity(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    """It works; something deserves a look."""
    BAD = "bad"
    """Texts are lost, refused, or will be."""
    UNKNOWN = "unknown"
    """It could not be found out, and it matters."""


class Verdict(StrEnum):
    """All findings in one word."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was found. Holds no secret, no text, and no number but our own, masked."""

    code: str
    severity: Severity
    sentence: str
    """What is the matter, with the particulars."""
    hint: str = ""
    """What to do about it."""
    detail: dict[str, Any] = {}
    """The particulars for programs; plain JSON values."""
    fixable: bool = False
    """`--fix` can repair it."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of finding, as the documentation explains it."""

    code: str
    severity: Severity
    means: str
    """What it means, in general."""
    hint: str = ""
    """What to do, in general."""
    fixable: bool = False

    def found(self, sentence: str, *, hint: str = "", fixable: bool | None = None, **detail: Any) -> Finding:
        """A finding of this kind."""
        return Finding(
            code=self.code,
            severity=self.severity,
            sentence=sentence,
            hint=hint or self.hint,
            detail=detail,
            fixable=self.fixable if fixable is None else fixable,
        )


def good(code: str, means: str) -> Kind:
    """A kind that is as it should be."""
    return Kind(code=code, severity=Severity.OK, means=means)


def warning(code: str, means: str, hint: str, *, fixable: bool = False) -> Kind:
    """A kind that deserves a look."""
    return Kind(code=code, severity=Severity.WARNING, means=means, hint=hint, fixable=fixable)


def bad(code: str, means: str, hint: str, *, fixable: bool = False) -> Kind:
    """A kind that loses or refuses texts."""
    return Kind(code=code, severity=Severity.BAD, means=means, hint=hint, fixable=fixable)


def unknown(code: str, means: str, hint: str) -> Kind:
    """A kind that could not be found out."""
    return Kind(code=code, severity=Severity.UNKNOWN, means=means, hint=hint)


def decide_verdict(findings: Iterable[Finding]) -> Verdict:
    """Bad if anything is; else unknown if anything that matters is; else good. Warnings change nothing."""
    severities = {finding.severity for finding in findings}
    if Severity.BAD in severities:
        return Verdict.BAD
    return Verdict.UNKNOWN if Severity.UNKNOWN in severities else Verdict.GOOD
