"""`textgate demo`: the promise of the first minute, kept from an empty home."""

import json
import re

from cli.demo_agent import LAST_WORDS, LINK

from .conftest import Command


def test_the_demo_plays_the_whole_conversation_and_reports_it_for_machines(textgate: Command) -> None:
    done = textgate("demo", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["missing"]) == (0, True, None)
    texts = report["texts"]
    kinds = [text["kind"] for text in texts]
    assert kinds[:5] == ["text", "pairing", "command", "notice", "text"]
    answer = [text for text in texts if text["kind"] == "answer"]
    assert [text["part"] for text in answer] == list(range(1, len(answer) + 1))
    assert len(answer) >= 2
    assert LINK in answer[0]["body"]
    assert answer[-1]["body"].rstrip().endswith(LAST_WORDS)
    assert all(text["status"] == "delivered" for text in texts if text["side"] == "agent")
    assert all(text["segments"] > 0 for text in texts if text["side"] != "owner")


def test_the_transcript_fits_80_columns_and_needs_no_colour(textgate: Command) -> None:
    done = textgate("demo")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "\x1b" not in done.stdout
    assert sum(line.endswith("delivered ✓✓") for line in lines) >= 4
    assert re.fullmatch(r"All there: \d+ texts delivered in \d+ segments; .* clean stop\.", lines[-1])
