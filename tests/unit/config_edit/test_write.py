"""A configuration file is replaced whole or not at all."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from shared.config_edit_write import NEW_FILE, file_to_change, read_original, replace_file
from shared.errors import UsageError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "textgate.json5"
    path.write_bytes(b"{old: 1}")
    path.chmod(0o644)
    return path


def test_the_new_file_is_private_and_nothing_else_is_left(file: Path) -> None:
    replace_file(read_original(file), b"{new: 1}")
    assert file.read_bytes() == b"{new: 1}"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_root_leaves_the_file_to_its_owner(file: Path) -> None:
    os.chown(file, 4321, -1)
    replace_file(read_original(file), b"{new: 1}")
    assert (file.stat().st_uid, file.read_bytes()) == (4321, b"{new: 1}")


def test_a_file_that_does_not_exist_is_made_in_a_private_folder(tmp_path: Path) -> None:
    path = tmp_path / "deep/er/textgate.json5"
    original = read_original(path)
    assert (original.content, original.text) == (None, NEW_FILE)
    replace_file(original, b"{}")
    assert path.read_bytes() == b"{}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("target", ["textgate.json5", "nowhere"])
def test_a_symbolic_link_is_not_written_through(file: Path, target: str) -> None:
    link = file.with_name("link.json5")
    link.symlink_to(target)
    with pytest.raises(UsageError, match="is a symbolic link and is not written through"):
        read_original(link)


def test_a_link_that_appears_meanwhile_is_not_written_through(file: Path) -> None:
    original = read_original(file)
    elsewhere = file.rename(file.with_name("elsewhere"))
    file.symlink_to(elsewhere)
    with pytest.raises(UsageError, match="symbolic link"):
        replace_file(original, b"{new: 1}")
    assert elsewhere.read_bytes() == b"{old: 1}"


@pytest.mark.parametrize("content", [b"{other: 1}", None])
def test_a_file_that_changed_meanwhile_is_left_alone(file: Path, content: bytes | None) -> None:
    original = read_original(file)
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(UsageError, match="changed by somebody else meanwhile; nothing was written"):
        replace_file(original, b"{new: 1}")
    assert (file.read_bytes() if file.exists() else None) == content


def test_a_file_that_appeared_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "textgate.json5"
    original = read_original(path)
    path.write_bytes(b"{theirs: 1}")
    with pytest.raises(UsageError, match="meanwhile"):
        replace_file(original, b"{new: 1}")
    assert path.read_bytes() == b"{theirs: 1}"


def test_only_one_command_writes_at_a_time(file: Path) -> None:
    original = read_original(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another command is changing a file"):
            replace_file(original, b"{new: 1}")
    finally:
        os.close(folder)
    replace_file(original, b"{new: 1}")


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_a_failure_on_the_way_leaves_the_old_file_and_no_rest(
    file: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    original = read_original(file)
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(UsageError, match="cannot be written: No space left on device; it is as it was"):
        replace_file(original, b"{new: 1}")
    assert file.read_bytes() == b"{old: 1}"
    assert list(file.parent.iterdir()) == [file]


def test_the_file_and_then_its_folder_reach_the_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bytes | None, bool]] = []
    sync = os.fsync

    def record(descriptor: int) -> None:
        synced.append((file.read_bytes(), stat.S_ISDIR(os.fstat(descriptor).st_mode)))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    replace_file(read_original(file), b"{new: 1}")
    assert synced == [(b"{old: 1}", False), (b"{new: 1}", True)]


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "textgate.json5"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(UsageError, match="is no regular file"):
        read_original(path)


def test_the_file_to_change_is_the_one_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"HOME": str(tmp_path / "home")}
    at_home = tmp_path / "home/.config/textgate/textgate.json5"
    assert file_to_change(None, environ) == at_home
    (tmp_path / "textgate.json5").touch()
    assert file_to_change(None, environ) == tmp_path / "textgate.json5"
    assert file_to_change(None, environ | {"TEXTGATE_CONFIG": "new.json5"}) == tmp_path / "new.json5"
    assert file_to_change(Path("named.json5"), environ | {"TEXTGATE_CONFIG": "x"}) == tmp_path / "named.json5"
