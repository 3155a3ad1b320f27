"""docs/troubleshooting.md says what the code does: every finding and code is there, and every command exists."""

import re

import pytest
import typer

from cli.main import app
from shared.twilio_codes import CODES
from tools.troubleshooting_docs import TARGET, render
from workers.probe.compare import KINDS

TEXT = TARGET.read_text(encoding="utf-8")


def test_the_file_is_what_the_generator_gives() -> None:
    assert render() == TEXT, "run: make docs"


def test_every_finding_and_every_code_has_its_row() -> None:
    rows = re.findall(r"^\| `?([a-z0-9-]+)`? \| (?!-)", TEXT, re.MULTILINE)
    assert rows == ["code", *KINDS, "code", *(str(code) for code in sorted(CODES))]


@pytest.mark.parametrize("line", sorted(set(re.findall(r"textgate [a-z][^`#\n]*", TEXT))))
def test_every_command_that_is_shown_exists_with_its_options(line: str) -> None:
    command = typer.main.get_command(app)
    for word in line.split()[1:]:
        if not hasattr(command, "commands"):
            break
        command = command.commands[word]
    known = {option for each in command.params for option in each.opts}
    assert set(re.findall(r"--[a-z-]+", line)) <= known
