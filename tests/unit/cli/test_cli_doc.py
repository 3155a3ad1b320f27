"""docs/cli.md and the program agree: every command and every option stands there, and nothing else does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import app

DOC = (Path(__file__).parents[3] / "docs/cli.md").read_text()
FOR_ALL = {"--config", "--state-dir", "--help"}
"""Said once, at the top of the document."""


def commands_below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that can be run, with its full name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for word, each in below.items():
        yield from commands_below(each, f"{name} {word}")


ROOT = typer.main.get_command(app)
COMMANDS = dict(commands_below(ROOT, "textgate"))
SECTIONS = dict(re.findall(r"^### (textgate .+)\n((?:(?!^##).*\n?)*)", DOC, flags=re.MULTILINE))


def test_the_document_names_exactly_the_commands_that_there_are() -> None:
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_documented_with_exactly_its_options(name: str) -> None:
    usage = re.search(rf"`({re.escape(name)}\b[^`]*)`", SECTIONS[name])
    assert usage is not None, "a section starts with the usage line"
    options = {option for each in COMMANDS[name].params for option in each.opts if option.startswith("--")}
    said = set(re.findall(r"--[a-z-]+", usage[1]))
    assert said - FOR_ALL == options - FOR_ALL


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_with_json_says_in_help_and_document_what_it_prints(name: str) -> None:
    has_json = any("--json" in each.opts for each in COMMANDS[name].params)
    assert ("\nJSON: `{" in SECTIONS[name]) == has_json
    assert ("--json:   {" in (COMMANDS[name].help or "")) == has_json


@pytest.mark.parametrize("name", COMMANDS)
def test_a_usage_line_has_each_bracket_once(name: str) -> None:
    usage = COMMANDS[name].get_usage(typer.Context(COMMANDS[name], info_name=name))
    assert "[[" not in usage
    assert "{[" not in usage


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_what_to_write_and_no_python_type(name: str) -> None:
    shown = COMMANDS[name].get_help(typer.Context(COMMANDS[name], info_name=name))
    raw = [word for word in re.findall(r"<[^<> ]*>", shown) if "|" not in word]
    assert raw == [], "a metavar is missing, or the command's class is not PlainUsage"


def test_the_options_of_the_program_itself_are_documented() -> None:
    intro = DOC.partition("\n### ")[0]
    options = {option for each in ROOT.params for option in each.opts if option.startswith("--")}
    assert [option for option in sorted(options - {"--help"}) if option not in intro] == []


def test_the_documented_exit_statuses_are_the_ones_in_use() -> None:
    assert re.findall(r"^\| (\d+) \|", DOC, flags=re.MULTILINE) == ["0", "1", "2", "78"]
