"""The embedded server: it keeps what it was told, whoever is killed, and never runs twice on one folder."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from redis import Redis

from cli.embedded_redis import EmbeddedRedis
from shared.errors import UsageError

OWNER = """
import sys
from pathlib import Path
from cli.embedded_redis import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1])).start()
print(server.pid, flush=True)
sys.stdin.read()
"""
"""A process that starts a server, tells its process id, and lives until its stdin ends."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def orphan(state: Path) -> Iterator[int]:
    """Process id of a server whose owner was killed, with one key in it."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
    with Redis(unix_socket_path=(state / "redis" / "socket").read_text()) as client:
        client.set("kept", "yes")
    yield pid
    EmbeddedRedis(state).start().stop()


def client_of(server: EmbeddedRedis) -> Redis:
    client: Redis = Redis.from_url(server.url, decode_responses=True)
    return client


def test_it_answers_on_a_private_socket_and_on_no_port(state: Path) -> None:
    with EmbeddedRedis(state) as server, client_of(server) as client:
        assert client.ping()
        assert client.config_get("port") == {"port": "0"}
        folder = Path(unquote(server.url.removeprefix("unix://"))).parent
        assert folder.stat().st_mode & 0o777 == 0o700


def test_every_write_is_on_disk_and_none_is_evicted(state: Path) -> None:
    with EmbeddedRedis(state) as server, client_of(server) as client:
        settings = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "save")
    assert settings == {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "save": "",
    }


def test_what_was_written_is_there_after_a_stop_and_a_start(state: Path) -> None:
    with EmbeddedRedis(state) as server, client_of(server) as client:
        client.set("kept", "yes")
    with EmbeddedRedis(state) as server, client_of(server) as client:
        assert client.get("kept") == "yes"


def test_stopping_leaves_neither_socket_nor_process(state: Path) -> None:
    server = EmbeddedRedis(state).start()
    socket = Path(unquote(server.url.removeprefix("unix://")))
    server.stop()
    assert not socket.exists()
    server.stop()


def test_a_second_owner_of_the_same_folder_is_refused(state: Path) -> None:
    with EmbeddedRedis(state) as server:
        with pytest.raises(UsageError, match=r"another textgate uses .*--state-dir"):
            EmbeddedRedis(state).start()
        with client_of(server) as client:
            assert client.ping()


def test_a_server_killed_with_sigkill_starts_again_on_the_same_socket_with_its_data(state: Path) -> None:
    with EmbeddedRedis(state) as server:
        url = server.url
        assert not server.restart_if_gone()
        with client_of(server) as client:
            client.set("kept", "yes")
        os.kill(server.pid, signal.SIGKILL)
        server.wait_gone()
        assert server.restart_if_gone()
        assert server.url == url
        with client_of(server) as client:
            assert client.get("kept") == "yes"


def test_a_server_orphaned_by_a_killed_owner_is_adopted(state: Path, orphan: int) -> None:
    with EmbeddedRedis(state) as server, client_of(server) as client:
        assert server.adopted
        assert server.pid == orphan
        assert client.get("kept") == "yes"


def test_an_orphan_that_cannot_be_reached_is_replaced_and_its_data_kept(state: Path, orphan: int) -> None:
    Path((state / "redis" / "socket").read_text()).unlink()
    with EmbeddedRedis(state) as server, client_of(server) as client:
        assert not server.adopted
        assert server.pid != orphan
        assert client.get("kept") == "yes"


def test_a_socket_left_behind_by_a_killed_server_is_removed(state: Path, orphan: int) -> None:
    os.kill(orphan, signal.SIGKILL)
    assert Path((state / "redis" / "socket").read_text()).exists()
    with EmbeddedRedis(state) as server, client_of(server) as client:
        assert client.get("kept") == "yes"


def test_a_long_state_path_gets_a_short_private_socket_elsewhere(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / ("x" * 110)) as server, client_of(server) as client:
        assert client.ping()
        socket = Path(unquote(server.url.removeprefix("unix://")))
        assert len(os.fsencode(socket)) < 100
        assert socket.parent.stat().st_mode & 0o777 == 0o700
    assert not socket.parent.exists()


def test_a_path_with_blanks_and_umlauts_works(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "Gästebuch & Co, 100 %") as server, client_of(server) as client:
        assert client.ping()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write to the state folder .*--state-dir"):
        EmbeddedRedis(tmp_path / "file" / "state").start()


def test_a_server_that_does_not_start_says_why_and_where_its_log_is(state: Path) -> None:
    EmbeddedRedis(state).start().stop()
    data = state / "redis" / "data"
    (manifest,) = data.glob("*/*.manifest")
    manifest.write_text("nonsense\n")
    with pytest.raises(UsageError, match=r"did not start: .+; see .*redis\.log"):
        EmbeddedRedis(state).start()
    shutil.rmtree(data)
    with EmbeddedRedis(state) as server, client_of(server) as client:
        assert client.ping()
