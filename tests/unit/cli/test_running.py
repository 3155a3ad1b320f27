"""`up.json`: a second terminal finds a running gateway, and never one that is gone."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cli.running import RunningAccount, RunningUp, find_running, load_running, remove_running, save_running

RUNNING = RunningUp(
    pid=os.getpid(),
    ready=True,
    config="/etc/textgate.json5",
    redis_url="unix:///run/redis.sock",
    prefix="tg:",
    ingress_url="http://127.0.0.1:8080",
    accounts=(RunningAccount(id="default", enabled=True),),
    default_account="default",
)


def test_what_was_saved_is_found_and_private(tmp_path: Path) -> None:
    save_running(tmp_path, RUNNING)
    assert load_running(tmp_path) == RUNNING
    assert (tmp_path / "up.json").stat().st_mode & 0o777 == 0o600
    remove_running(tmp_path)
    assert load_running(tmp_path) is None


def test_a_gateway_that_is_gone_is_not_found(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    save_running(tmp_path, msgspec.structs.replace(RUNNING, pid=ended.pid))
    assert load_running(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}'])
def test_a_broken_file_is_no_gateway(tmp_path: Path, content: str) -> None:
    (tmp_path / "up.json").write_text(content)
    assert load_running(tmp_path) is None


def test_a_real_gateway_goes_before_the_sandbox_inside_its_folder(tmp_path: Path) -> None:
    sandbox = msgspec.structs.replace(RUNNING, prefix="tgsandbox:")
    (tmp_path / "sandbox").mkdir()
    save_running(tmp_path / "sandbox", sandbox)
    assert find_running(tmp_path) == sandbox
    save_running(tmp_path, RUNNING)
    assert find_running(tmp_path) == RUNNING
