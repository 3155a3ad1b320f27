"""One installation outside the checkout for all tests of the deployment."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the locked versions and the wheel, as a deployment has it; its folder."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=True)
    for words in (
        ("--require-hashes", "-r", str(CHECKOUT / "requirements.lock")),
        ("--no-deps", str(wheel)),
    ):
        command = [str(folder / "bin/pip"), "--disable-pip-version-check", "--quiet", "install", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=outside(), check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def outside() -> dict[str, str]:
    """The environment without anything that leads into the checkout."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
