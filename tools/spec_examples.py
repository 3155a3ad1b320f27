"""`python -m tools.spec_examples [--from SPEC.TXT] FILE`: a Markdown specification's examples, each with our text.

With `--from` the examples are taken from a `spec.txt` as the npm package `commonmark-spec` and the sources of cmark-gfm
hold it. Without it only our text is renewed, after a change to the formatter: look at the difference before a commit.
"""

import argparse
import re
from pathlib import Path

import msgspec

from workers.text.plain import to_plain

_EXAMPLE = re.compile(
    r"^`{32} example[^\n]*\n(?P<markdown>.*?)^\.\n(?P<html>.*?)^`{32}$|^#{1,6} +(?P<section>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)
_TAB = "\u2192"
"""How the specifications show a tab."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One example: the Markdown, the HTML that the specification wants, and the text that we make of it."""

    section: str
    markdown: str
    html: str
    text: str


def read_examples(specification: str) -> list[Example]:
    """All examples of a specification, in order."""
    section, examples = "", []
    for match in _EXAMPLE.finditer(specification):
        if match["section"]:
            section = match["section"].strip()
            continue
        markdown, html = (match[name].replace(_TAB, "\t") for name in ("markdown", "html"))
        examples.append(Example(section=section, markdown=markdown, html=html, text=to_plain(markdown)))
    return examples


def main() -> None:
    """Write the file anew."""
    parser = argparse.ArgumentParser(prog="python -m tools.spec_examples")
    parser.add_argument("--from", dest="specification", type=Path, metavar="SPEC.TXT")
    parser.add_argument("file", type=Path)
    said = parser.parse_args()
    if said.specification is not None:
        examples = read_examples(said.specification.read_text(encoding="utf-8"))
    else:
        known = msgspec.json.decode(said.file.read_bytes(), type=list[Example])
        examples = [msgspec.structs.replace(example, text=to_plain(example.markdown)) for example in known]
    said.file.write_bytes(b"[\n" + b",\n".join(map(msgspec.json.encode, examples)) + b"\n]\n")


if __name__ == "__main__":
    main()
