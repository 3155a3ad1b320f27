"""`docs/formatting.md` from the recorded comparison: the rules, the sums, and each reply side by side. Pure."""

import html
from collections.abc import Iterator
from pathlib import Path

from rich.cells import chop_cells

from bench.formatting_record import Compared, Results, Sent
from cli.format_words import PHONE_COLUMNS, counted, wrapped

PRICE = 0.0083
INTRODUCTION = Path(__file__).with_name("formatting_introduction.md")
COLUMNS = {"textgate": "Textgate", "openclaw": "OpenClaw", "naive": "naive strip"}


def page(results: Results) -> str:
    """The whole document."""
    return "\n".join([INTRODUCTION.read_text(encoding="utf-8"), *_sums(results), *_each(results)])


def _sums(results: Results) -> Iterator[str]:
    yield f"OpenClaw is version {results.versions['openclaw']}. Segments were checked with Twilio's own calculator"
    yield f"(`sms-segments-calculator` {results.versions['sms-segments-calculator']}).\n"
    yield "| reply | Textgate | OpenClaw | naive strip |"
    yield "| --- | ---: | ---: | ---: |"
    for number, reply in enumerate(results.replies, start=1):
        cells = (_cell(getattr(reply, column)) for column in COLUMNS)
        yield f"| [{number}. {_title(reply)}](#{number}-{_title(reply).replace(' ', '-')}) | {' | '.join(cells)} |"
    sums = (sum(getattr(reply, column).segments for reply in results.replies) for column in COLUMNS)
    shown = [f"**{total}**, ${total * PRICE:.2f}" for total in sums]
    yield f"| all | {' | '.join(shown)} |\n"
    yield "Segments of each; *(n)* is how many URLs, formulas, pieces of code or words did not arrive as written. The"
    yield f"price is ${PRICE} a segment, Twilio's list price for a text to a US number, without carrier fees."


def _each(results: Results) -> Iterator[str]:
    for number, reply in enumerate(results.replies, start=1):
        yield f"\n### {number}. {_title(reply)}\n"
        fence = "````" if "```" in reply.markdown else "```"
        yield f"{fence}markdown\n{reply.markdown.rstrip()}\n{fence}\n"
        yield "<table>"
        yield f"<tr>{''.join(f'<th>{name}</th>' for name in COLUMNS.values())}</tr>"
        facts = (_facts(getattr(reply, column)) for column in COLUMNS)
        yield f"<tr>{''.join(f'<td>{fact}</td>' for fact in facts)}</tr>"
        screens = (_screen(getattr(reply, column)) for column in COLUMNS)
        yield f"<tr valign=top>{''.join(f'<td><pre>{screen}</pre></td>' for screen in screens)}</tr>"
        yield "</table>"


def _title(reply: Compared) -> str:
    return reply.name.partition("-")[2].replace("-", " ")


def _cell(sent: Sent) -> str:
    wrong = len(sent.broken) + len(sent.lost)
    return f"{sent.segments} *({wrong})*" if wrong else str(sent.segments)


def _facts(sent: Sent) -> str:
    facts = f"{counted(len(sent.texts), 'part')}, {counted(sent.segments, 'segment')}, ${sent.segments * PRICE:.4f}"
    wrong = [f"broken: <code>{html.escape(piece)}</code>" for piece in sent.broken]
    wrong += [f"lost: {', '.join(map(html.escape, sent.lost))}"] if sent.lost else []
    return "<br>".join([facts, *wrong])


def _screen(sent: Sent) -> str:
    """The texts as a phone wraps them. A blank line would end the HTML of a Markdown page: it holds a blank."""
    screens = []
    for text in sent.texts:
        rows = [row for line in text.rstrip().split("\n") for row in wrapped(line, PHONE_COLUMNS)]
        rows = [piece for row in rows for piece in (chop_cells(row, PHONE_COLUMNS) or ["&nbsp;"])]
        screens.append("\n".join(row if row == "&nbsp;" else html.escape(row) for row in rows))
    return f"\n{'=' * 10} next part {'=' * 10}\n".join(screens)
