"""A turn's files lie in a folder of this user alone, and are gone afterwards, even if the worker was killed."""

from pathlib import Path

import pytest

from workers.media.folder import clean_up, media_root, turn_folder


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_only_this_user_reads_it_and_it_goes_with_everything_in_it() -> None:
    with turn_folder() as folder:
        (folder / "a.jpg").write_bytes(b"a")
        assert (folder.stat().st_mode & 0o777, media_root().stat().st_mode & 0o777) == (0o700, 0o700)
    assert list(media_root().iterdir()) == []


def test_a_start_removes_what_a_killed_worker_left_and_not_what_another_is_using() -> None:
    with turn_folder() as used:
        left = media_root() / "left"
        left.mkdir()
        (left / "a.jpg").write_bytes(b"a")
        assert clean_up() == 1
        assert list(media_root().iterdir()) == [used]
    assert clean_up() == 0


def test_a_root_that_others_could_have_made_is_not_used(tmp_path: Path) -> None:
    media_root().mkdir(mode=0o755)
    media_root().chmod(0o755)
    with pytest.raises(PermissionError, match="this user alone"), turn_folder():
        pass
    media_root().rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    media_root().symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="this user alone"):
        clean_up()


def test_a_link_in_the_root_is_not_followed(tmp_path: Path) -> None:
    with turn_folder():
        (tmp_path / "mine").mkdir()
        (media_root() / "link").symlink_to(tmp_path / "mine")
        assert clean_up() == 0
    assert (tmp_path / "mine").is_dir()
