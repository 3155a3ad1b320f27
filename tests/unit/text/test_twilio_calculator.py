"""Our count of segments beside that of Twilio's own calculator (npm `sms-segments-calculator`).

Runs only where `tools/node-packages calculator` was run and Node is there; what it said is recorded in
`test_segments.py`, `specs/` and `bench/results/formatting.json`, and those are always checked.
"""

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workers.text.graphemes import graphemes
from workers.text.segments import GSM_BASIC, GSM_EXTENSION, count_segments, utf16_units

HERE = Path(__file__).parent
PACKAGE = Path(__file__).parents[3] / ".node/node_modules/sms-segments-calculator"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None or not PACKAGE.exists(), reason="needs Node and the package: tools/node-packages calculator"
)

ALPHABETS = {
    "GSM-7": list(GSM_BASIC),
    "GSM-7 with extensions": [*GSM_BASIC, *GSM_EXTENSION * 4],
    "mixed": [*"abc {}€", "ś", "漢", "👍", "é"],
    "emoji": ["👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "❤\ufe0f", "a", " "],
    # Without conjuncts of Devanagari: the calculator knows the graphemes of an older Unicode.
    "scripts": ["न", "म", "सि", "ते", "한", "국", "字", "م", "ر", " ", "e\u0301"],
}
SAMPLES = 400


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
def test_segments_are_those_of_twilios_calculator(alphabet: list[str]) -> None:
    chance = random.Random(len(alphabet))  # the same texts every time
    texts = ["".join(chance.choices(alphabet, k=chance.randint(1, 400))) for _ in range(SAMPLES)]
    said = ask("count", texts)
    for text, theirs in zip(texts, said, strict=True):
        # The calculator lets a grapheme that is longer than a segment overflow it; Twilio cannot.
        if all(utf16_units(grapheme) <= 67 for grapheme in graphemes(text)):
            ours = count_segments(text)
            assert {"encoding": ours.encoding.value, "units": ours.units, "segments": ours.segments} == theirs, text


def test_the_recorded_table_is_the_one_in_the_package() -> None:
    recorded = json.loads((HERE / "specs/smart-encoding-map.json").read_text())
    assert {f"U+{ord(char):04X}": to for char, to in ask("map").items()} == recorded


def ask(task: str, texts: list[str] | None = None) -> Any:
    done = subprocess.run(
        [str(NODE), HERE / "twilio_calculator.mjs", PACKAGE, task],
        input=json.dumps(texts),
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return json.loads(done.stdout)
