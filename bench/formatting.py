"""`python -m bench.formatting`: 25 tricky replies as Textgate, a naive strip and OpenClaw send them.

Writes `bench/results/formatting.json` and `docs/formatting.md`; exit status 1 if a claim of the page does not hold.
Needs `tools/node-packages openclaw`; with `--ours` only our own column is made anew, and nothing else is needed.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from markdown_it import MarkdownIt

from bench.formatting_page import page
from bench.formatting_record import Compared, Results, Sent
from tools.shown_html import ShownHtml
from workers.text.render import render
from workers.text.segments import count_segments
from workers.text.smart_encoding import transliterate

ROOT = Path(__file__).parents[1]
REPLIES = ROOT / "bench/replies"
RESULTS = ROOT / "bench/results/formatting.json"
PAGE = ROOT / "docs/formatting.md"
PACKAGES = ROOT / ".node/node_modules"
LIMIT = 1500

_FOOTNOTE = re.compile(r"\[\^\w+\]")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"]+")
_EXACT = re.compile(r"exact\d+")


def compare() -> Results:
    """All columns. Raises CalledProcessError or FileNotFoundError where the packages are not there."""
    replies = {path.stem: path.read_text(encoding="utf-8") for path in sorted(REPLIES.glob("*.md"))}
    theirs = _node("openclaw_formatter.mjs", PACKAGES / "openclaw", json.dumps(list(replies.values())))
    compared = []
    for (name, markdown), texts in zip(replies.items(), theirs, strict=True):
        columns = {
            "textgate": textgate(name, markdown),
            "naive": judged(name, markdown, naive(markdown)),
            "openclaw": judged(name, markdown, tuple(texts)),
        }
        counted = {column: _calculated(sent.texts) for column, sent in columns.items()}
        compared.append(Compared(name=name, markdown=markdown, **columns, calculator=counted))
    versions = {package: _version(package) for package in ("openclaw", "sms-segments-calculator")}
    return Results(versions=versions, replies=tuple(compared))


def with_ours_renewed(results: Results) -> Results:
    """The same with our column as the code makes it now."""
    renewed = [
        msgspec.structs.replace(reply, textgate=textgate(reply.name, reply.markdown)) for reply in results.replies
    ]
    return msgspec.structs.replace(results, replies=tuple(renewed))


def textgate(name: str, markdown: str) -> Sent:
    """What we send."""
    return judged(name, markdown, tuple(part.body for part in render(markdown, limit=LIMIT)))


def naive(markdown: str) -> tuple[str, ...]:
    """What a few regular expressions make of it, cut at the limit."""
    text = re.sub(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)", r"\1 (\2)", markdown)
    text = re.sub(r"^#+ |^> ?|^[*+-] |```\w*\n?|[*_`~]", "", text, flags=re.MULTILINE).strip()
    return tuple(text[start : start + LIMIT] for start in range(0, len(text), LIMIT))


def judged(name: str, markdown: str, texts: tuple[str, ...]) -> Sent:
    """What the texts cost and what they lack."""
    exact: list[str] = json.loads((REPLIES / "verbatim.json").read_text(encoding="utf-8")).get(name, [])
    whole = "\n".join(texts)
    source, said = _FOOTNOTE.sub("", markdown), whole
    for number, piece in enumerate(exact):  # what a Markdown parser would take apart is one word for it
        source, said = (text.replace(piece, f"exact{number}") for text in (source, said))
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source)
    lost = Counter(_words(ShownHtml(html).text)) - Counter(_words(said))
    return Sent(
        texts=texts,
        segments=sum(count_segments(text).segments for text in texts),
        broken=tuple(piece for piece in exact if piece not in whole),
        lost=tuple(word for word in lost if not _EXACT.fullmatch(word)),
    )


def missed(results: Results) -> Iterator[str]:
    """What the page says and the results do not hold."""
    for reply in results.replies:
        ours = reply.textgate
        if not ours.whole:
            yield f"{reply.name}: of ours is lost or broken: {ours.broken + ours.lost}"
        if reply.openclaw.whole and ours.segments > reply.openclaw.segments:
            yield f"{reply.name}: {ours.segments} segments of ours, {reply.openclaw.segments} of OpenClaw's"
        for column, segments in reply.calculator.items():
            if segments != getattr(reply, column).segments:
                yield f"{reply.name}: {column} has {segments} segments by Twilio's calculator"


def main() -> None:
    """Write the results and the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.formatting")
    parser.add_argument("--ours", action="store_true", help="renew only our own column")
    recorded = msgspec.json.decode(RESULTS.read_bytes(), type=Results) if RESULTS.exists() else None
    if parser.parse_args().ours:
        if recorded is None:
            sys.exit("nothing is recorded yet: run it without --ours")
        results = with_ours_renewed(recorded)
    elif not (PACKAGES / "openclaw").exists():
        sys.exit("OpenClaw is not installed: run `tools/node-packages openclaw`, or use --ours")
    else:
        results = compare()
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    PAGE.write_text(page(results), encoding="utf-8")
    failures = list(missed(results))
    print("\n".join(failures) or f"{len(results.replies)} replies compared; see {PAGE.relative_to(ROOT)}")
    sys.exit(1 if failures else 0)


def _words(text: str) -> Iterator[str]:
    return (match[0] for match in re.finditer(r"\w+", transliterate(_URL.sub(" ", text)).casefold()))


def _calculated(texts: tuple[str, ...]) -> int:
    script = ROOT / "tests/unit/text/twilio_calculator.mjs"
    counts = _node(str(script), PACKAGES / "sms-segments-calculator", json.dumps(texts), "count")
    return sum(count["segments"] for count in counts)


def _node(script: str, package: Path, asked: str, *words: str) -> Any:
    (node,) = PACKAGES.glob("node-*/bin/node")
    command = [str(node), str(Path(__file__).parent / script), str(package), *words]
    return json.loads(subprocess.run(command, input=asked, capture_output=True, check=True, text=True).stdout)


def _version(package: str) -> str:
    return str(json.loads((PACKAGES / package / "package.json").read_text())["version"])


if __name__ == "__main__":
    main()
