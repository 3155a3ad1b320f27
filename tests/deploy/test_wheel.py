"""The wheel holds all that the program needs, and plays the demo where no checkout is."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.deploy.conftest import CHECKOUT, outside

PACKAGES = ("shared", "ingress", "workers", "sandbox", "cli")


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    wanted = {name for name in tracked.stdout.splitlines() if (CHECKOUT / name).exists()}
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert {Path(name).suffix for name in wanted} >= {".py", ".lua", ".toml", ".typed"}
    assert wanted - held == set()


@pytest.mark.timeout(600)
def test_the_demo_plays_from_the_wheel_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    command = [str(installed / "bin/textgate"), "demo", "--json"]
    environ = {**outside(), "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ok"] is True
