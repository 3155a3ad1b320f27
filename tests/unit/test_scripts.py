"""What a script takes of its libraries: all that it calls, and nothing else."""

import re
from importlib import resources

import pytest

from shared.scripts import Script, all_scripts

LIBRARY = (resources.files("shared") / "lua" / "lib").iterdir()
FUNCTIONS = sorted({name for part in LIBRARY for name in re.findall(r"local function (\w+)", part.read_text())})


@pytest.mark.parametrize("script", all_scripts(), ids=lambda script: script.name)
def test_a_script_has_each_function_that_it_calls_and_no_other(script: Script) -> None:
    for name in FUNCTIONS:
        defined = re.findall(rf"\blocal function {name}\b", script.source)
        called = re.findall(rf"(?<!function )(?<!')\b{name}\b", script.source)
        assert bool(defined) == bool(called), name
        assert len(defined) < 2, name
