"""Markdown's grammar as agents write it: mistune with our own tables, and with nothing silently dropped.

Nesting is bounded: what lies deeper than 20 quotes, lists or brackets stays as it was written.
"""

from functools import cache
from re import Match
from typing import Any, cast

import msgspec
from mistune import BlockParser, BlockState, InlineParser, InlineState, Markdown
from mistune.plugins.footnotes import footnotes, parse_ref_footnote
from mistune.plugins.formatting import strikethrough
from mistune.plugins.task_lists import task_lists
from mistune.util import unikey

from workers.text.tables import TABLE, split_rows

_MAX_DEPTH = 20

Token = dict[str, Any]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed text. `definitions`: reference definitions as written, under the key that links use, in order;
    the key is empty when the definition repeats an earlier one, so that no link can mean it."""

    tokens: list[Token]
    definitions: list[tuple[str, str]]


def parse(source: str) -> Document:
    """The tokens of a Markdown text. Linear in the text; never raises."""
    tokens, state = _markdown().parse(source)
    return Document(tokens=cast("list[Token]", tokens), definitions=state.env.get("definitions", []))


@cache
def _markdown() -> Markdown:
    markdown = Markdown(
        block=_Blocks(),
        inline=_Inlines(max_nested_level=_MAX_DEPTH),
        plugins=[strikethrough, task_lists, footnotes],
    )
    markdown.block.register("ref_footnote", None, _parse_footnote)
    markdown.after_render_hooks.insert(0, _cite_every_footnote)
    return markdown


class _Blocks(BlockParser):
    SPECIFICATION = {**BlockParser.SPECIFICATION, "table": TABLE}  # noqa: RUF012 (declared by mistune)

    def __init__(self) -> None:
        super().__init__(max_nested_level=_MAX_DEPTH)
        for rules in (self.rules, self.block_quote_rules, self.list_rules):
            rules.append("table")

    def parse_table(self, m: Match[str], state: BlockState) -> int:
        rows = [
            {"type": "table_row", "children": [{"type": "table_cell", "text": cell} for cell in row]}
            for row in split_rows(m.group("table"))
        ]
        state.append_token({"type": "table", "children": rows})
        return m.end()

    def parse_raw_html(self, m: Match[str], state: BlockState) -> int | None:
        """A block of HTML is read as inline HTML, so that one place knows about tags."""
        end = super().parse_raw_html(m, state)
        last = state.last_token()
        if last and last["type"] == "block_html" and "raw" in last:
            last["text"] = last.pop("raw")
        return end

    def parse_ref_link(self, m: Match[str], state: BlockState) -> int | None:
        """A definition is remembered as written, because its URL may be used nowhere else."""
        last = state.last_token()
        key = unikey(m.group("reflink_1"))
        known = key in state.env["ref_links"]
        end = super().parse_ref_link(m, state)
        if end and not (last and last["type"] == "paragraph"):
            definition = state.src[m.start() : end].strip()
            state.env.setdefault("definitions", []).append(("" if known else key, definition))
        return end


class _Inlines(InlineParser):
    def _add_auto_link(self, url: str, text: str, state: InlineState) -> None:
        """mistune would percent-encode the address."""
        del url
        state.append_token({"type": "autolink", "raw": text})


def _parse_footnote(block: BlockParser, m: Match[str], state: BlockState) -> int | None:
    """A second footnote of the same name is a paragraph: mistune would drop it."""
    known = unikey(m.group("footnote_key")) in state.env.get("ref_footnotes", {})
    return None if known else parse_ref_footnote(block, m, state)


def _cite_every_footnote(markdown: Markdown, result: str | list[Token], state: BlockState) -> str | list[Token]:
    """A footnote that nothing refers to is shown all the same: it may hold a URL."""
    del markdown
    notes = dict.fromkeys([*state.env.get("footnotes", ()), *state.env.get("ref_footnotes", ())])
    state.env["footnotes"] = list(notes)
    state.env["footnote_indexes"] = {key: index for index, key in enumerate(notes)}
    return result
