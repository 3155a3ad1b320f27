"""Write docs/troubleshooting.md: the prose of tools/troubleshooting_template.md, and tables made from the code.

    .venv/bin/python -m tools.troubleshooting_docs

`{{ findings }}` becomes the table of what the probe can find, `{{ codes }}` that of Twilio's codes. A test fails while
the file differs from what this gives.
"""

from collections.abc import Sequence
from pathlib import Path

from shared.twilio_codes import CODES
from workers.probe.compare import KINDS

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "tools/troubleshooting_template.md"
TARGET = ROOT / "docs/troubleshooting.md"


def render() -> str:
    """Give the whole document."""
    text = TEMPLATE.read_text(encoding="utf-8")
    return text.replace("{{ findings }}", _findings()).replace("{{ codes }}", _codes())


def _findings() -> str:
    rows = [
        (f"`{kind.code}`", kind.severity.value, kind.means, kind.hint, "yes" if kind.fixable else "")
        for kind in KINDS.values()
    ]
    return _table(("code", "severity", "what it means", "what to do", "`--fix`"), rows)


def _codes() -> str:
    rows = [(str(code), info.error_class.value, info.meaning, info.hint) for code, info in sorted(CODES.items())]
    return _table(("code", "class", "meaning", "what to do"), rows)


def _table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
