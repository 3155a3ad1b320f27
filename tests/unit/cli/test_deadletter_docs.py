"""docs/operations.md names commands, causes and stages that there are."""

import re
from pathlib import Path

import typer

from cli.deadletter_story import Outcome
from cli.main import app
from shared.keys import Stage
from shared.twilio_codes import CODES, ErrorClass

ROOT = Path(__file__).parents[3]
DOC = (ROOT / "docs/operations.md").read_text()
CAUSES = DOC.partition("| cause | what to do |")[2].partition("\n\n")[0]


def test_every_command_in_it_exists_with_its_options() -> None:
    commands = re.findall(r"textgate ((?:deadletter|account|channels) [a-z]+)([^\n`]*)", DOC.replace("\n--", " --"))
    assert len(commands) > 8
    for words, rest in commands:
        command = typer.main.get_command(app)
        for word in words.split():
            command = command.commands[word]  # type: ignore[attr-defined]
        known = {option for each in command.params for option in each.opts}
        assert set(re.findall(r"--[a-z-]+", rest.partition("#")[0])) <= known, words


def test_every_code_of_twilios_in_it_is_one_that_ends_as_a_dead_letter() -> None:
    codes = [int(code) for code in re.findall(r"`(?:twilio-)?(\d{5})`", CAUSES)]
    assert len(codes) > 3
    assert all(CODES[code].error_class is ErrorClass.PERMANENT for code in codes)


def test_every_cause_of_ours_in_it_is_raised_somewhere() -> None:
    ours = set(re.findall(r"`([a-z]+(?:-[a-z]+)?)`", CAUSES)) - {"show"}
    raised = "".join(path.read_text() for path in (ROOT / "workers").glob("*.py"))
    assert {cause for cause in ours if f'code="{cause}"' not in raised} == set()


def test_stages_and_outcomes_have_their_names() -> None:
    assert re.findall(r"^\| `([a-z]+)` \|", DOC, flags=re.MULTILINE)[: len(Stage)] == [stage.value for stage in Stage]
    assert {Outcome.UNKNOWN, Outcome.SENT} <= set(re.findall(r"the outcome (?:is )?`([a-z]+)`", DOC))
