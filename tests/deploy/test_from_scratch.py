"""What is shipped in deploy/ carries a signed webhook from the proxy to an answer. Skips where a package is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("from_scratch.py")
SKIPPED = 77


def play(*words: str) -> str:
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)
    if done.returncode == SKIPPED:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_from_nothing_to_an_answer_behind_caddy() -> None:
    said = play("--proxy", "caddy")
    steps = [line.partition(".")[0] for line in said.splitlines() if line[:1].isdigit()]
    assert steps == [str(n) for n in range(1, 11)], said
    assert said.splitlines()[-1].startswith("done: ")


@pytest.mark.timeout(300)
def test_the_same_behind_nginx(installed: Path) -> None:
    assert play("--proxy", "nginx", "--venv", str(installed)).splitlines()[-1].startswith("done: ")
