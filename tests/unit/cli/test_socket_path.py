"""A socket's path always fits into the kernel's limit, in a folder of our own."""

import os
from pathlib import Path

from hypothesis import given, strategies as st

from cli.socket_path import MAX_PATH_BYTES, choose_socket, remove_socket


def test_a_short_state_folder_holds_its_socket_itself(tmp_path: Path) -> None:
    folder = Path("/srv/tg/redis")
    assert choose_socket(folder, {"XDG_RUNTIME_DIR": str(tmp_path)}) == folder / "redis.sock"


def test_a_long_one_uses_the_runtime_folder_and_always_the_same_name(tmp_path: Path) -> None:
    runtime = tmp_path / "r"
    runtime.mkdir()
    folder = Path("/srv", "x" * 100)
    chosen = choose_socket(folder, {"XDG_RUNTIME_DIR": str(runtime)})
    if len(os.fsencode(runtime)) < 60:
        assert chosen.parent.parent == runtime
        assert choose_socket(folder, {"XDG_RUNTIME_DIR": str(runtime)}) == chosen
    remove_socket(chosen)


def test_a_runtime_folder_that_is_missing_or_too_long_is_passed_over(tmp_path: Path) -> None:
    for runtime in (tmp_path / "missing", tmp_path / ("y" * 90)):
        chosen = choose_socket(Path("/srv", "x" * 100), {"XDG_RUNTIME_DIR": str(runtime)})
        assert not chosen.is_relative_to(runtime)
        assert chosen.parent.stat().st_mode & 0o777 == 0o700
        remove_socket(chosen)
        assert not chosen.parent.exists()


@given(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=120))
def test_the_path_is_short_whatever_the_folder_is_called(name: str) -> None:
    chosen = choose_socket(Path("/srv", name), {})
    assert len(os.fsencode(chosen)) < MAX_PATH_BYTES
    if chosen.parent.name.startswith("textgate-") and chosen.parent.parent != Path("/srv"):
        remove_socket(chosen)
