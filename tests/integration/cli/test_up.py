"""`textgate up --sandbox` as a whole: real processes, found from a second terminal, unharmed by what is killed."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from cli.embedded_redis import EmbeddedRedis
from cli.gateway_child import GatewayChild, GatewayFailedError, sandbox_gateway
from cli.options import Common
from cli.pairing import approve_code, load_requests
from cli.ports import free_ports
from cli.running import load_running
from cli.sandbox_phone import SandboxPhone
from cli.target import find_target
from sandbox.config import DEFAULT_NUMBER

from .conftest import LIMIT_S, Command, Tape

STRANGER = "+12025550123"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where `up` keeps its state if nobody says anything, in the home of the fixture `environ`."""
    return tmp_path / ".local/state/textgate"


@pytest.fixture
async def gateway(state: Path, tape: Tape) -> AsyncIterator[GatewayChild]:
    async with sandbox_gateway(state, on_line=lambda line: tape.say("up", line), limit_s=LIMIT_S) as child:
        yield child


@asynccontextmanager
async def phone(gateway: GatewayChild) -> AsyncIterator[SandboxPhone]:
    url = gateway.running.sandbox_url
    assert url is not None
    async with SandboxPhone(url, number=STRANGER, gateway=DEFAULT_NUMBER) as held:
        yield held


async def pair(gateway: GatewayChild, state: Path) -> None:
    """A stranger texts, and the owner lets them in."""
    async with phone(gateway) as stranger:
        await stranger.text("Hello?")
    target = find_target(Common(state_dir=state))
    (request,) = await load_requests(target, None)
    await approve_code(target, request.code, account=None)


async def answer_to(gateway: GatewayChild, text: str) -> str:
    """What the echo says to a paired phone."""
    async with phone(gateway) as friend:
        asked = await friend.text(text)
        heard = await friend.hear(lambda body: body == text, after=asked.seq, limit_s=LIMIT_S)
        return heard[-1].body


def port_is_free(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) != 0


async def test_a_second_terminal_lists_approves_and_sends_without_any_option(
    gateway: GatewayChild, textgate: Command
) -> None:
    async with phone(gateway) as stranger:
        await stranger.text("Hello?")
        listed = await asyncio.to_thread(textgate, "pairing", "list", "--json")
        (request,) = json.loads(listed.stdout)["requests"]
        assert (request["account"], request["sender"]) == ("sandbox", STRANGER)
        approved = await asyncio.to_thread(textgate, "pairing", "approve", "sms", request["code"], "--json")
        assert json.loads(approved.stdout) == {
            "code": request["code"],
            "account": "sandbox",
            "sender": STRANGER,
            "notified": False,
            "notice": "not-asked",
        }
        again = await asyncio.to_thread(textgate, "pairing", "approve", request["code"])
        assert again.returncode == 1
        assert "already used" in again.stderr
        words = ("message", "send", "--target", f"twilio-sms:{STRANGER}", "--message", "from the owner", "--json")
        sent = await asyncio.to_thread(textgate, *words)
        assert json.loads(sent.stdout).keys() == {"account", "to", "replyId", "state"}
        assert await stranger.hear(lambda body: body == "from the owner", after=0, limit_s=LIMIT_S)


async def test_a_probe_of_the_sandbox_has_nothing_to_complain_of(gateway: GatewayChild, textgate: Command) -> None:
    done = await asyncio.to_thread(textgate, "channels", "status", "--probe", "--json")
    assert done.returncode == 0, done.stderr
    (account,) = json.loads(done.stdout)["accounts"]
    assert (account["live"]["probed"]["verdict"], account["live"]["probed"]["codes"]) == ("good", [])


async def test_a_second_up_on_the_same_folder_is_refused_in_one_line(
    gateway: GatewayChild, state: Path, textgate: Command
) -> None:
    config = (state / "sandbox" / "textgate.json5").read_text()
    done = await asyncio.to_thread(textgate, "up", "--sandbox")
    assert done.returncode == 1
    assert "already runs on" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (state / "sandbox" / "textgate.json5").read_text() == config
    assert find_target(Common(state_dir=state)).default_account == "sandbox"


async def test_a_clean_stop_leaves_no_process_no_port_and_no_trace_for_second_terminals(
    state: Path, tape: Tape, textgate: Command
) -> None:
    async with sandbox_gateway(state, on_line=lambda line: tape.say("up", line), limit_s=LIMIT_S) as gateway:
        running = gateway.running
    assert any(line.endswith("| stopped") for line in tape.of("up"))
    assert port_is_free(running.ingress_url)
    assert port_is_free(running.sandbox_url or "")
    assert not (state / "sandbox" / "up.json").exists()
    assert not (state / "sandbox" / "redis" / "redis.sock").exists()
    done = await asyncio.to_thread(textgate, "pairing", "list")
    assert "no gateway found" in done.stderr


async def test_ruling_24_an_up_that_was_killed_leaves_a_redis_that_the_next_one_adopts_with_its_pairings(
    state: Path, tape: Tape
) -> None:
    async def pair_and_kill() -> None:
        async with sandbox_gateway(state, on_line=lambda line: tape.say("up", line), limit_s=LIMIT_S) as first:
            await pair(first, state)
            os.kill(first.pid, signal.SIGKILL)

    with pytest.raises(GatewayFailedError, match="status -9"):
        await pair_and_kill()
    async with sandbox_gateway(state, on_line=lambda line: tape.say("up", line), limit_s=LIMIT_S) as second:
        assert any("adopted the Redis" in line for line in tape.of("up"))
        assert await answer_to(second, "still paired") == "still paired"


async def test_a_redis_killed_with_sigkill_comes_back_with_everything(
    gateway: GatewayChild, state: Path, tape: Tape
) -> None:
    await pair(gateway, state)
    os.kill(int((state / "sandbox" / "redis" / "pid").read_text()), signal.SIGKILL)
    await tape.wait_for("up", "Redis crashed: started again")
    async with Redis.from_url(gateway.running.redis_url or "") as redis:
        assert await redis.hlen("tgsandbox:approved:sandbox") == 1


async def test_an_agent_that_cannot_be_loaded_stops_everything_and_says_why(state: Path, tape: Tape) -> None:
    with pytest.raises(GatewayFailedError, match="ended with status 78"):
        async with sandbox_gateway(
            state, agent="no_such_module:reply", on_line=lambda line: tape.say("up", line), limit_s=LIMIT_S
        ):
            pass
    lines = "\n".join(tape.of("up"))
    assert "module no_such_module cannot be imported" in lines
    assert "agent refused to start (exit status 78): stopping everything" in lines
    *_, last = lines.splitlines()
    assert "stopped with status 78: configuration: agent.callable: module no_such_module cannot be imported" in last
    assert "probe_changed verdict=bad" not in lines, "an ingress that leaves is no fault of the tunnel"
    assert "Traceback" not in lines


async def test_ruling_13_a_sandbox_refuses_a_redis_that_holds_real_lanes(tmp_path: Path, textgate: Command) -> None:
    with EmbeddedRedis(tmp_path / "other") as server:
        async with Redis.from_url(server.url) as redis:
            await redis.rpush("tg:lane:agent:abc", "x")
        done = await asyncio.to_thread(textgate, "up", "--sandbox", TEXTGATE_REDIS_URL=server.url)
    assert done.returncode == 1
    assert "holds the conversations of a real gateway" in done.stderr


Started = tuple[asyncio.subprocess.Process, "asyncio.Task[None]"]


async def start_up(environ: dict[str, str], tape: Tape, *words: str, cwd: Path | None = None) -> Started:
    """`textgate up …`, ready, and the task that reads its lines onto the tape until it ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli.main", *words),
        cwd=cwd,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    stream = process.stdout
    assert stream is not None

    async def read() -> None:
        while line := (await stream.readline()).decode():
            tape.say("up", line)

    reading = asyncio.create_task(read())
    await tape.wait_for("up", "Ctrl-C stops everything")
    return process, reading


AGENTS = (Path(__file__).parents[3] / "docs/agents.md").read_text().partition("### Try it without Twilio")[2]


@pytest.mark.skipif(not shutil.which("curl"), reason="the documentation uses curl")
async def test_an_agent_is_tried_without_twilio_as_documented(
    tmp_path: Path, environ: dict[str, str], tape: Tape
) -> None:
    """Every command as it stands there, but for the port and the code."""
    (agent,) = re.findall(r"```python\n(.*?)```", AGENTS.partition("### What it may be")[0], re.DOTALL)
    (tmp_path / "my_agent.py").write_text(agent)
    first, second = re.findall(r"```sh\n(.*?)```", AGENTS, re.DOTALL)[:2]
    (shown,) = re.findall(r"```\n(> .*?)```", AGENTS, re.DOTALL)
    (port,) = free_ports(1)
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    code = ""

    async def shell(line: str) -> str:
        typed = line.replace("8098", str(port)).replace("CODE", code)
        process = await asyncio.create_subprocess_shell(
            typed, cwd=tmp_path, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        said, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        assert process.returncode == 0, line
        return said.decode()

    words = first.replace("8098", str(port)).split()[1:]
    process, reading = await start_up(environ, tape, *words, cwd=tmp_path)
    try:
        said = ""
        for line in second.splitlines():
            said = await shell(line)
            if line == "textgate pairing list":
                code = said.splitlines()[1].split()[0]
        async with asyncio.timeout(LIMIT_S):
            while not said.endswith(shown):
                said = await shell(second.splitlines()[-1])
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()
        await reading


async def test_a_ctrl_c_that_comes_twice_at_once_kills_nobody(state: Path, environ: dict[str, str], tape: Tape) -> None:
    process, reading = await start_up(environ, tape, "up", "--sandbox", "--state-dir", str(state))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), LIMIT_S) == 0
    await reading
    said = "".join(tape.of("up"))
    assert "press again to kill them" in said
    assert "killed" not in said


async def test_a_ctrl_c_a_moment_later_kills_what_does_not_leave(
    state: Path, environ: dict[str, str], tape: Tape
) -> None:
    process, reading = await start_up(environ, tape, "up", "--sandbox", "--state-dir", str(state))
    running = load_running(state / "sandbox")
    assert running is not None
    async with Redis.from_url(running.redis_url or "") as redis:
        (health,) = {key async for key in redis.scan_iter(match="tgsandbox:queue:format:health:*")}
    os.kill(int(health.decode().split("-")[-2]), signal.SIGSTOP)  # it will not leave by itself

    async def press_until_it_helps() -> None:
        while not any("as you asked" in line for line in tape.of("up")):
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.1)

    await asyncio.wait_for(press_until_it_helps(), LIMIT_S)
    assert await asyncio.wait_for(process.wait(), LIMIT_S) == 1
    await reading
    assert any("format killed, as you asked" in line for line in tape.of("up"))


async def test_a_port_that_is_taken_is_named_before_anything_runs(textgate: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = await asyncio.to_thread(textgate, "up", "--sandbox", "--port", str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "change --port" in done.stderr


async def test_a_real_gateway_runs_without_a_redis_url_and_stops_on_ctrl_c(
    tmp_path: Path, environ: dict[str, str], tape: Tape, textgate: Command
) -> None:
    (tmp_path / "textgate.json5").write_text(
        """{
          channels: { sms: {
            accountSid: "AC00000000000000000000000000000000", authToken: "not-to-be-shown",
            fromNumber: "+12025550100", publicWebhookUrl: "https://example.com/webhooks/sms",
          } },
          ingress: { port: 0 },
        }"""
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli.main", "up"),
        cwd=tmp_path,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        while line := (await process.stdout.readline()).decode():
            tape.say("up", line)
            if "Ctrl-C stops everything" in line:
                listed = await asyncio.to_thread(textgate, "pairing", "list")
                assert listed.stdout.startswith("Nobody waits.")
                process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = "".join(tape.of("up"))
    assert "embedded, fsync always, " in said
    assert "durability=everysec" not in said
    assert "/webhooks/sms -> account default, public URL https://example.com/webhooks/sms" in said
    assert "textgate pairing list\n" in said
    assert "not-to-be-shown" not in said
