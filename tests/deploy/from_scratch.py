"""A deployment from nothing, on one Debian machine: prints each step, ends with status 0 if a text went all the way.

    python3 tests/deploy/from_scratch.py [--proxy caddy|nginx] [--venv FOLDER] [--keep]

Needs Debian's packages python3-venv, redis-server, systemd, and caddy or nginx; no root, and no network beyond
a package registry for the locked versions. Only the standard library is imported, so the system's Python runs it.

What is shipped in deploy/ is used as it stands: the units are checked, Redis runs on redis.conf with its password in a
file, the processes run on textgate.json5 with their secrets in $CREDENTIALS_DIRECTORY, and the proxy runs on its own
file. Changed are names, ports and folders only. Twilio's part plays `textgate sandbox`: it signs a webhook for the
proxy's address and must get the answer at its API. Exit status 77: a package is missing.
"""

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
DEPLOY = CHECKOUT / "deploy"
SKIPPED = 77
LIMIT_S = 60.0
OURS, PHONE = "+12025550100", "+12025550123"
ACCOUNT_SID = "AC" + "5" * 32
WORDS = "Hello from outside the proxy"
CLOSED = ("/", "/healthz", "/readyz", "/v1/messages", "/webhooks", "/webhooks/sms/", "/webhooks/sms/x", "/sandbox")


def main() -> int:
    """Do it all; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", choices=("caddy", "nginx"), default="caddy")
    parser.add_argument("--venv", type=Path, help="an environment that has Textgate already")
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [name for name in ("redis-server", "systemd-analyze", options.proxy) if not shutil.which(name)]
    if missing:
        say(f"skipped: no {', '.join(missing)} on this machine (Debian packages of that name; systemd)")
        return SKIPPED
    folder = Path(tempfile.mkdtemp(prefix="textgate-"))
    try:
        Deployment(folder, options.proxy, options.venv).run()
    except StepError as error:
        say(f"FAILED: {error}")
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


class StepError(Exception):
    """A step did not come true; the text says which and what was seen."""


class Deployment:
    """One run in one folder."""

    def __init__(self, folder: Path, proxy: str, venv: Path | None) -> None:
        self.folder = folder
        self.proxy = proxy
        self.venv = venv or folder / "venv"
        self.install = venv is None
        self.redis_port, self.ingress_port, self.proxy_port, self.sandbox_port = free_ports(4)
        self.credentials = folder / "credentials"
        self.config = folder / "textgate.json5"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        """Every step, in order. Raises StepError at the first that fails."""
        if self.install:
            self.make_environment()
        self.check_units()
        self.write_secrets()
        self.write_config()
        with self.stopped_at_the_end():
            self.start_redis()
            self.start_gateway()
            self.start_proxy()
            self.text_and_answer()
            self.closed_doors()
        say("done: a signed webhook through the proxy, stored on disk, answered, the answer at Twilio's stand-in")

    def make_environment(self) -> None:
        say("1. an environment from the hashed lock, and the wheel of this checkout")
        run(sys.executable, "-m", "venv", self.venv)
        pip = (self.venv / "bin/pip", "--disable-pip-version-check", "--quiet")
        run(*pip, "install", "--require-hashes", "-r", CHECKOUT / "requirements.lock")
        build = (self.venv / "bin/python", "-m", "hatchling", "build", "-t", "wheel", "-d", self.folder / "dist")
        run(*build, cwd=CHECKOUT)
        run(*pip, "install", "--no-deps", *(self.folder / "dist").glob("*.whl"))

    def check_units(self) -> None:
        say("2. the systemd units: systemd-analyze verify")
        units = self.folder / "units"
        shutil.copytree(DEPLOY / "systemd", units)
        names = ("textgate.target", "textgate-redis.service", "textgate@ingress.service", "textgate@agent-2.service")
        said = run("systemd-analyze", "verify", *(units / name for name in names))
        if said.strip():
            raise StepError(f"systemd-analyze has something to say: {said}")

    def write_secrets(self) -> None:
        say("3. secrets in files that only we can read")
        self.credentials.mkdir(mode=0o700)
        password, token = secrets.token_hex(24), secrets.token_hex(16)
        for name, text in (
            ("redis-auth.conf", f"requirepass {password}"),
            ("redis-url", f"redis://:{password}@127.0.0.1:{self.redis_port}/0"),
            ("twilio-auth-token", token),
        ):
            file = self.credentials / name
            file.write_text(f"{text}\n")
            file.chmod(0o600)

    def write_config(self) -> None:
        say("4. the shipped configuration, with our number and address: textgate config patch, validate")
        shutil.copy(DEPLOY / "textgate.json5", self.config)
        sms = {
            "accountSid": ACCOUNT_SID,
            "fromNumber": OURS,
            "publicWebhookUrl": f"http://127.0.0.1:{self.proxy_port}/webhooks/sms",
            "dmPolicy": "open",
            "allowFrom": ["*"],
            "segmentsPerSecond": 0,
        }
        patch = self.folder / "patch.json5"
        patch.write_text(json.dumps({"channels": {"sms": sms}, "ingress": {"port": self.ingress_port}}))
        self.textgate("config", "patch", "--file", str(patch))
        self.textgate("config", "validate")

    def start_redis(self) -> None:
        say("5. Redis with deploy/redis/redis.conf")
        data = self.folder / "redis"
        data.mkdir()
        included = ("--include", self.credentials / "redis-auth.conf")
        changed = ("--port", self.redis_port, "--dir", data)
        self.start("redis", "redis-server", DEPLOY / "redis/redis.conf", *included, *changed)
        self.until("Redis answers", lambda: ask_redis(self.redis_port, "PING").startswith("-NOAUTH"))
        password = (self.credentials / "redis-url").read_text().split(":")[2].split("@")[0]
        for setting, wanted in (("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")):
            answer = ask_redis(self.redis_port, f"AUTH {password}", f"CONFIG GET {setting}")
            if wanted not in answer.split():
                raise StepError(f"{setting} is not {wanted}: {answer}")

    def start_gateway(self) -> None:
        say("6. ingress (two processes on one port), workers, and Twilio's stand-in")
        url = f"http://127.0.0.1:{self.proxy_port}/webhooks/sms"
        token = str(self.credentials / "twilio-auth-token")
        identity = ("--number", OURS, "--account-sid", ACCOUNT_SID, "--auth-token-file", token)
        textgate = self.venv / "bin/textgate"
        self.start("sandbox", textgate, "sandbox", "--port", self.sandbox_port, "--webhook-url", url, *identity)
        self.start("ingress", textgate, "ingress", "--workers", 2)
        for kind in ("agent", "format", "outbound"):
            self.start(kind, textgate, "worker", kind)
        self.until("the ingress is ready", lambda: status_of(f"http://127.0.0.1:{self.ingress_port}/readyz") == 200)
        self.until("the sandbox is ready", lambda: status_of(f"{self.sandbox}/sandbox") == 200)

    def start_proxy(self) -> None:
        if self.proxy == "caddy":
            say("7. Caddy with deploy/caddy/Caddyfile")
            file = DEPLOY / "caddy/Caddyfile"
            self.start("caddy", "caddy", "run", "--adapter", "caddyfile", "--config", file)
        else:
            say("7. nginx with deploy/nginx.conf")
            file = self.folder / "nginx.conf"
            file.write_text(self.nginx_conf())
            self.start("nginx", "nginx", "-p", self.folder, "-e", "stderr", "-c", file, "-g", "daemon off;")
        self.until("the proxy answers", lambda: status_of(f"http://127.0.0.1:{self.proxy_port}/") == 404)

    def nginx_conf(self) -> str:
        """The shipped file without its certificate, on our ports."""
        text = (DEPLOY / "nginx.conf").read_text()
        text = re.sub(r"^\s*(ssl_.*|listen (80|\[::\]:80|\[::\]:443 ssl)|user .*);$", "", text, flags=re.MULTILINE)
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.proxy_port};")
        # Of two servers the one for certificates would listen on port 80 again, by default.
        text = text.replace("server_name sms.example.com;", f"listen unix:{self.folder}/acme.sock;\nserver_name a;", 1)
        text = text.replace("server 127.0.0.1:8080;", f"server 127.0.0.1:{self.ingress_port};")
        return text.replace("/run/nginx.pid", f"{self.folder}/nginx.pid").replace("/var/log/nginx", str(self.folder))

    def text_and_answer(self) -> None:
        say(f"8. {PHONE} texts: {WORDS}")
        body = json.dumps({"from": PHONE, "to": OURS, "body": WORDS}).encode()
        with urllib.request.urlopen(f"{self.sandbox}/sandbox/texts", body, timeout=LIMIT_S) as response:  # noqa: S310 - our own address
            status = json.load(response)["webhook_status"]
        if status != 200:
            raise StepError(f"the signed webhook was answered {status}")
        say("   the signed webhook was answered 200")

        def answered() -> bool:
            with urllib.request.urlopen(f"{self.sandbox}/sandbox/messages", timeout=LIMIT_S) as response:  # noqa: S310 - our own address
                messages: list[dict[str, Any]] = json.load(response)["messages"]
            return any(m["to"] == PHONE and m["body"] == WORDS and m["status"] == "delivered" for m in messages)

        self.until("the answer is delivered", answered)
        say("   the answer was delivered")

    def closed_doors(self) -> None:
        say("9. every other door is closed, and a forged webhook is refused")
        proxy = f"http://127.0.0.1:{self.proxy_port}"
        for path in CLOSED:
            for data in (None, b"Body=x"):
                if (status := status_of(proxy + path, data)) != 404:
                    raise StepError(f"{'POST' if data else 'GET'} {path} through the proxy: {status} instead of 404")
        if (status := status_of(f"{proxy}/webhooks/sms", b"Body=x")) != 403:
            raise StepError(f"a webhook without a signature: {status} instead of 403")
        if (status := status_of(f"{proxy}/webhooks/sms")) not in (403, 404, 405):
            raise StepError(f"GET of the webhook: {status}")

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CREDENTIALS_DIRECTORY": str(self.credentials),
            "TEXTGATE_CONFIG": str(self.config),
            "TEXTGATE_TWILIO_API_BASE": self.sandbox,
            "TEXTGATE_SITE": f"http://127.0.0.1:{self.proxy_port}",
            "TEXTGATE_UPSTREAM": f"127.0.0.1:{self.ingress_port}",
        }

    def textgate(self, *words: str) -> str:
        return run(self.venv / "bin/textgate", *words, cwd=self.folder, env=self.environ)

    def start(self, name: str, *words: object) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [str(word) for word in words]
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)

    @contextlib.contextmanager
    def stopped_at_the_end(self) -> Iterator[None]:
        """SIGTERM to everybody, the last started first; whoever does not leave cleanly is a failure."""
        try:
            yield
        finally:
            bad = [name for name in reversed(self.processes) if not self.stop(name)]
        if bad:
            raise StepError(f"no clean stop: {bad}")
        say("10. everything stopped cleanly on SIGTERM")

    def stop(self, name: str) -> bool:
        process = self.processes[name]
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(LIMIT_S) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False

    def until(self, fact: str, holds: Any) -> None:
        """Wait until it holds. Raises StepError with the end of every log."""
        deadline = time.monotonic() + LIMIT_S
        while not holds():
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = "".join(f"\n--- {n}\n{(self.folder / f'{n}.log').read_text()[-1500:]}" for n in self.processes)
                raise StepError(f"{fact}: not true{f', and {ended} ended' if ended else ''}{logs}")
            time.sleep(0.05)


def say(text: str) -> None:
    print(text, flush=True)


def run(*words: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a command prints. Raises StepError with that if it fails."""
    command = [str(word) for word in words]
    done = subprocess.run(
        command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        raise StepError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


def status_of(url: str, data: bytes | None = None) -> int:
    """The status of a GET, or a POST of `data`; 0 if nobody answers."""
    try:
        with urllib.request.urlopen(url, data, timeout=10) as response:  # noqa: S310 - our own address
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def ask_redis(port: int, *commands: str) -> str:
    """The answers to inline commands, as they come; empty if nobody answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall("".join(f"{command}\r\n" for command in (*commands, "QUIT")).encode())
            return b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
