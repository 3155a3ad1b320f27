"""Canary secrets are planted in every place that may hold one, everything goes wrong once, and then all is searched.

A secret may stand in the configuration, in the files and variables that it points at, and in the headers of requests;
a person's number in Redis values, on the owner's terminal and in requests. Nowhere else.
"""

import asyncio
import base64
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import aiohttp
import pytest
from redis.asyncio import Redis

from cli.embedded_redis import EmbeddedRedis
from cli.ports import free_ports
from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_NUMBER, SandboxAccount, SandboxConfig, SandboxNumber
from sandbox.faults import answer_late
from sandbox.server import RunningSandbox, serve
from sandbox.signature import sign
from shared.redis_client import connect
from tests.journeys.house import House
from workers.agents.contract import Turn

ANN, BOB, CAT, DAN = "+12025550111", "+12025550122", "+12025550133", "+12025550144"
REFUSED_BY_TWILIO = "+15005550001"
"""Twilio's magic number that no message can be sent to."""
PEOPLE = (ANN, BOB, CAT, DAN, REFUSED_BY_TWILIO)

AUTH_TOKEN = "canary0auth0token0a1b2c3d4e5f60718"
SECONDARY_TOKEN = "canary0secondary0token0b1c2d3e4f5a"
API_KEY_SID = "SK" + "7" * 32
API_KEY_SECRET = "canary0api0key0secret0c1d2e3f4a5b6"
WRONG_SECRET = "canary0wrong0api0key0secret0d1e2f3"
SIGNING_KEY = "canary0signing0key0e1f2a3b4c5d6e7f8"
REDIS_PASSWORD = "canary0redis0password0f1a2b3c4d5e6f"
API_TOKEN = "canary0api0token0a2b3c4d5e6f708192"
CANARIES = (API_TOKEN, AUTH_TOKEN, SECONDARY_TOKEN, API_KEY_SECRET, WRONG_SECRET, SIGNING_KEY, REDIS_PASSWORD)


def raises_when_asked(turn: Turn) -> str:
    """An agent that fails for one text and echoes the others."""
    if "boom" in turn.prompt:
        raise ValueError(f"no answer for {len(turn.texts)} texts")
    return f"re {turn.prompt}"


class Vault(House):
    """A gateway whose every secret is a canary; it writes down what each command said."""

    def __init__(self, folder: Path, redis_server: EmbeddedRedis, sandbox: RunningSandbox, port: int) -> None:
        super().__init__(folder, redis_server, sandbox, port)
        self.redis_url = redis_server.url.replace("unix://", f"unix://:{REDIS_PASSWORD}@", 1)
        self.spoken: list[str] = []
        self.sms: dict[str, Any] = self.config["channels"]["sms"]
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        self.api_key_file = self._keep(secrets / "api-key", API_KEY_SECRET)
        shared_keys = self._keep(secrets / "shared.json", json.dumps({"keys": [{"secret": SIGNING_KEY}]}))
        self.sms |= {
            "authToken": {"source": "env", "provider": "default", "id": "TWILIO_AUTH_TOKEN"},
            "authTokenSecondary": SECONDARY_TOKEN,
            "apiKeySid": API_KEY_SID,
            "apiKeySecret": {"source": "file", "provider": "default", "id": str(self.api_key_file)},
            "webhookSigningKeys": {"webhooks_sharedkey_1": {"source": "file", "id": f"{shared_keys}#/keys/0/secret"}},
        }
        self.config["api"] = {"tokens": {"automation": {"token": API_TOKEN, "scopes": ["messages:send"]}}}
        self.config["agent"] = {
            "kind": "python",
            "callable": "tests.journeys.test_secrets_stay_inside:raises_when_asked",
        }

    @staticmethod
    def _keep(file: Path, secret: str) -> Path:
        file.touch(0o600)
        file.write_text(secret)
        return file

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, "TEXTGATE_REDIS_URL": self.redis_url, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}

    async def lock_redis(self) -> None:
        """From now on Redis asks for the password."""
        await self.redis.config_set("requirepass", REDIS_PASSWORD)
        await self.redis.aclose()
        self.redis = connect(self.redis_url)

    def write_config(self, text: str | None = None) -> None:
        (self.folder / "textgate.json5").write_text(text or json.dumps(self.config))

    async def say(self, *words: str, status: int = 0, **variables: str) -> str:
        """Run `textgate …` and keep all that it prints; its stdout."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli.main",
            *words,
            env={**self.environ, **variables},
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = (stream.decode() for stream in await asyncio.wait_for(process.communicate(), 30))
        self.spoken.append(f"textgate {' '.join(words)}\n{out}{err}")
        assert process.returncode == status, self.spoken[-1]
        assert "Traceback" not in err
        return out

    async def logged(self, name: str, event: str, *, times: int = 1) -> None:
        """Wait until a process has logged an event that often."""

        async def is_logged() -> bool:
            return self.log(name).count(event) >= times

        await self.until(is_logged)

    @contextlib.asynccontextmanager
    async def reloading(self, event: str, name: str = "outbound") -> AsyncIterator[None]:
        """Change the configuration inside; afterwards the process has taken it over, or refused it."""
        before = self.log(name).count(event)
        yield
        await self.logged(name, event, times=before + 1)


@pytest.fixture
async def vault(tmp_path: Path) -> AsyncIterator[Vault]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/webhooks/sms"
    twilio = SandboxConfig(
        accounts=(
            SandboxAccount(
                account_sid=DEFAULT_ACCOUNT_SID, auth_token=AUTH_TOKEN, api_keys={API_KEY_SID: API_KEY_SECRET}
            ),
        ),
        numbers=(SandboxNumber(number=DEFAULT_NUMBER, account_sid=DEFAULT_ACCOUNT_SID, sms_url=url),),
    )
    with EmbeddedRedis(tmp_path / "state") as server:
        async with serve(twilio) as sandbox:
            vault = Vault(tmp_path, server, sandbox, port)
            await vault.lock_redis()
            try:
                yield vault
            finally:
                try:
                    vault.close()
                finally:
                    await vault.redis.aclose()


async def test_no_secret_and_no_full_number_gets_out_whatever_goes_wrong(vault: Vault) -> None:
    vault.sms |= {"dmPolicy": "pairing", "allowFrom": [ANN, BOB, CAT]}
    await vault.start()

    await answer_somebody(vault)
    await pair_somebody(vault)
    await forge_webhooks(vault)
    await use_the_api(vault)
    await let_the_agent_fail(vault)
    await text_where_twilio_refuses(vault)
    await kill_a_worker_in_mid_send(vault)
    await reload_what_is_wrong(vault)
    await type_what_is_wrong(vault)
    await look_at_the_configuration(vault)
    await be_refused_by_twilio(vault)

    assert found((BOB,), in_=[await everything_in_redis(vault.redis)]), "the search finds what is there"
    assert found(CANARIES, in_=[*vault.spoken, *command_lines(vault)]) == []
    assert found(CANARIES, in_=[await everything_in_redis(vault.redis)]) == []
    assert found(CANARIES, in_=list(files_but_the_secrets(vault.folder))) == []
    assert found(PEOPLE, in_=logs(vault.folder)) == []
    assert found(PEOPLE, in_=await names_in_redis(vault)) == []


async def answer_somebody(vault: Vault) -> None:
    """Webhook signed with the canary, reply sent with the canary API key."""
    await vault.text(ANN, "hello")
    assert await vault.receives(ANN, 1) == ["re hello"]


async def pair_somebody(vault: Vault) -> None:
    await vault.text(DAN, "let me in")
    await vault.receives(DAN, 1)
    (request,) = json.loads(await vault.say("pairing", "list", "--json"))["requests"]
    await vault.say("pairing", "list")
    await vault.say("pairing", "approve", request["code"], "--notify")
    await vault.say("pairing", "approve", request["code"], status=1)
    await vault.receives(DAN, 2)
    await vault.say("pairing", "allowed", "--json")
    await vault.say("pairing", "revoke", DAN)
    await vault.say("pairing", "revoke", DAN, status=1)
    await vault.say("pairing", "deny", request["code"], status=1)


async def forge_webhooks(vault: Vault) -> None:
    """A wrong token, a wrong URL (which is diagnosed in the log) and the secondary token, which is right."""
    url = f"{vault.url}/webhooks/sms"
    form = {"MessageSid": "SM" + "5" * 32, "AccountSid": DEFAULT_ACCOUNT_SID, "From": BOB, "To": DEFAULT_NUMBER}
    form["Body"] = "forged"
    for token, signed_url, status in (
        ("not the token", url, 403),
        (AUTH_TOKEN, f"{url}/other", 403),
        (AUTH_TOKEN, url.replace("http://", "https://"), 403),
        (SECONDARY_TOKEN, url, 200),
    ):
        made = sign(auth_token=token, url=signed_url, params=form.items())
        assert await post(url, form, signature=made) == status
    assert await vault.receives(BOB, 1) == ["re forged"]


async def use_the_api(vault: Vault) -> None:
    """The right token, one that is nearly right, and a number that is none."""
    before = len(vault.got(ANN))
    for token, to, status in ((API_TOKEN, ANN, 202), (f"{API_TOKEN}x", ANN, 401), (API_TOKEN, ANN[:5], 400)):
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            session.post(f"{vault.url}/v1/messages", json={"to": to, "text": "from a program"}) as answer,
        ):
            vault.spoken.append(await answer.text())
            assert answer.status == status, vault.spoken[-1]
    await vault.receives(ANN, before + 1)


async def let_the_agent_fail(vault: Vault) -> None:
    await vault.text(CAT, "boom")
    await vault.logged("agent", "no answer for 1 texts")


async def text_where_twilio_refuses(vault: Vault) -> None:
    await vault.say("message", "send", "--target", f"sms:{REFUSED_BY_TWILIO}", "--message", "hi")
    await vault.say("message", "send", "--target", "sms:+1", "--message", "hi", status=1)
    await vault.logged("outbound", "twilio-21211")


async def kill_a_worker_in_mid_send(vault: Vault) -> None:
    vault.sandbox.state.faults.add(answer_late(1.0))
    before = len(vault.got(ANN))
    await vault.text(ANN, "killed")

    async def accepted() -> bool:
        return len(vault.got(ANN)) > before

    await vault.until(accepted)
    vault.kill("outbound", signal.SIGKILL)
    vault.spawn("outbound")
    await vault.until(vault.is_up)


async def reload_what_is_wrong(vault: Vault) -> None:
    """Each of these files holds a canary beside, or as, what is wrong; running and new processes refuse them."""
    for wrong in wrong_configurations(vault):
        async with vault.reloading("configuration_refused"):
            vault.write_config(wrong)
        await asyncio.gather(
            vault.say("config", "validate", "--json", status=78),
            vault.say("config", "get", status=0 if SECRET_IS_NOWHERE in wrong else 78),
            vault.say("pairing", "list", status=0 if SECRET_IS_NOWHERE in wrong else 78),
            vault.say("worker", "agent", status=78),
        )
    vault.write_config()
    await vault.say("config", "validate")


SECRET_IS_NOWHERE = "nowhere"
"""The name of the account whose secret leads nowhere: what uses no secret does not ask for it."""


def wrong_configurations(vault: Vault) -> Iterator[str]:
    yield json.dumps(vault.config)[:-2]
    yield json.dumps(vault.config).replace(f'"{SECONDARY_TOKEN}"', f'"{SECONDARY_TOKEN}" "{SECONDARY_TOKEN}"')
    for change in (
        {"authTokenSecondary": [SECONDARY_TOKEN]},
        {"authTokenSecondary": {"source": "env", "id": SECONDARY_TOKEN}, "name": SECRET_IS_NOWHERE},
        {"dmPolicy": SECONDARY_TOKEN},
        {"publicWebhookUrl": f"https://user:{SECONDARY_TOKEN}@gate.example.com/webhooks/sms"},
        {"fromNumber": SECONDARY_TOKEN},
    ):
        yield json.dumps({**vault.config, "channels": {"sms": {**vault.sms, **change}}})
    yield json.dumps({**vault.config, "redis": {"url": f"http://:{REDIS_PASSWORD}@localhost"}})


async def type_what_is_wrong(vault: Vault) -> None:
    """Redis refuses, is away, or is no Redis: one line each."""
    send = ("message", "send", "--target", f"sms:{ANN}", "--message", "hi")
    for url in (
        vault.redis_url.replace(REDIS_PASSWORD, SECONDARY_TOKEN),
        f"unix://:{REDIS_PASSWORD}@{vault.folder}/nobody.sock",
        f"redis://:{REDIS_PASSWORD}@127.0.0.1:1/0",
    ):
        await vault.say(*send, status=1, TEXTGATE_REDIS_URL=url)
        await vault.say("pairing", "list", "--json", status=1, TEXTGATE_REDIS_URL=url)
    await vault.say(*send, status=78, TEXTGATE_REDIS_URL=f"redis ://:{REDIS_PASSWORD}@localhost")
    await vault.say("worker", "agent", status=78, TWILIO_AUTH_TOKEN="")
    await vault.say("message", "send", "--target", f"fax:{ANN}", "--message", "hi", status=1)


async def look_at_the_configuration(vault: Vault) -> None:
    (vault.folder / "patch.json5").write_text(json.dumps({"channels": {"sms": {"name": "renamed"}}}))
    (vault.folder / "patch-secrets.json5").write_text(
        json.dumps({"channels": {"sms": {"authTokenSecondary": WRONG_SECRET}}})
    )
    for words in (
        ("config", "get"),
        ("config", "get", "--json"),
        ("config", "get", "channels.sms.authToken"),
        ("config", "get", "channels.sms.authTokenSecondary", "--json"),
        ("config", "get", "redis.url"),
        ("config", "schema"),
        ("channels", "status"),
        ("channels", "status", "--json"),
        ("message", "trace", vault.got(ANN)[0].sid, "--json"),
        ("config", "set", "channels.sms.dmPolicy", "allowlist", "--dry-run"),
        ("config", "patch", "--file", "patch-secrets.json5", "--dry-run"),
        ("config", "patch", "--file", "patch-secrets.json5", "--dry-run", "--json"),
    ):
        await vault.say(*words)
    await vault.say("config", "set", "channels.sms.dmPolicy", "open", status=78)
    (vault.folder / "patch-secrets.json5").unlink()
    async with vault.reloading("configuration_reloaded"):
        await vault.say("config", "patch", "--file", "patch.json5")


async def be_refused_by_twilio(vault: Vault) -> None:
    """The API key's secret is replaced by a wrong one: Twilio answers 401, and the account is paused."""
    async with vault.reloading("configuration_reloaded"):
        vault.api_key_file.write_text(WRONG_SECRET)
    await vault.text(BOB, "nobody answers")
    await vault.logged("outbound", "account_paused")
    assert await vault.redis.exists(vault.keys.paused("default"))


async def post(url: str, form: dict[str, str], *, signature: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=form, headers={"X-Twilio-Signature": signature}) as answer,
    ):
        return answer.status


def found(needles: tuple[str, ...], *, in_: list[str]) -> list[str]:
    """Where any form of a needle stands, with what is around it: as it is, without its plus, encoded."""
    forms = {form for needle in needles for form in forms_of(needle)}
    return [
        f"{form}: …{text[max(at - 300, 0) : at + len(form) + 40]}…"
        for text in in_
        for form in forms
        if (at := text.find(form)) >= 0
    ]


def forms_of(needle: str) -> Iterator[str]:
    yield needle.removeprefix("+")
    yield quote(needle)
    for user in ("", DEFAULT_ACCOUNT_SID, API_KEY_SID):
        yield base64.b64encode(f"{user}:{needle}".encode()).decode().rstrip("=")[:-1]
    yield base64.b64encode(needle.encode()).decode().rstrip("=")[:-1]


def logs(folder: Path) -> list[str]:
    return [file.read_text(errors="replace") for file in folder.glob("*.log")]


def command_lines(vault: Vault) -> list[str]:
    """What `ps` shows to everybody on the machine."""
    return [Path(f"/proc/{process.pid}/cmdline").read_text() for process in vault.processes.values()]


def files_but_the_secrets(folder: Path) -> Iterator[str]:
    """Every file under the gateway's home: logs, Redis' append-only file and log, what a crash may have left."""
    for file in folder.rglob("*"):
        kept = file.name == "textgate.json5" or folder / "secrets" in file.parents
        if file.is_file() and not kept:
            yield f"{file.name}\n{file.read_bytes().decode(errors='replace')}"


async def everything_in_redis(redis: Redis) -> str:
    """Every key with every value, of any type."""
    return "\n".join([f"{key!r} {await value_of(redis, key)!r}" async for key in redis.scan_iter(count=1000)])


async def value_of(redis: Redis, key: bytes) -> object:
    read: dict[bytes, tuple[object, ...]] = {
        b"string": ("GET", key),
        b"hash": ("HGETALL", key),
        b"list": ("LRANGE", key, 0, -1),
        b"set": ("SMEMBERS", key),
        b"zset": ("ZRANGE", key, 0, -1, "WITHSCORES"),
        b"stream": ("XRANGE", key, "-", "+"),
    }
    command = read[await redis.type(key)]
    return await cast("Awaitable[object]", redis.execute_command(*command))  # type: ignore[no-untyped-call]


async def names_in_redis(vault: Vault) -> list[str]:
    """What may stand in a log or a URL: names of keys, job ids, and the jobs themselves."""
    redis, names = vault.redis, []
    async for key in redis.scan_iter(count=1000):
        names.append(key.decode())
        if b"queue:" in key or key.startswith(b"arq:") or key.endswith(b"busy"):
            names.append(repr(await value_of(redis, key)))
    assert any(":agent:" in name for name in names), "a turn is still waiting, so a job was looked at"
    return names
