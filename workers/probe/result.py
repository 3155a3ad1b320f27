"""The result of one probe: what is stored, shown, measured and compared with the one before. Holds no secret."""

import msgspec

from workers.probe.finding import Finding, Severity, Verdict
from workers.probe.repair import Change


class ProbeResult(msgspec.Struct, frozen=True, kw_only=True):
    """One account at one moment. Encodes as JSON and msgpack; readers tolerate unknown fields."""

    account_id: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    """The worst first."""
    changes: tuple[Change, ...] = ()
    """What `--fix` would do."""
    probed_ms: int
    """Unix milliseconds."""
    duration_ms: int

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all that is not as it should be: what to compare two results by."""
        return frozenset(finding.code for finding in self.findings if finding.severity is not Severity.OK)

    def has(self, code: str) -> bool:
        """Whether there is such a finding: `credentials-good` says that a paused account may go on."""
        return any(finding.code == code for finding in self.findings)


decode_result = msgspec.json.Decoder(ProbeResult).decode
encode_result = msgspec.json.Encoder().encode
