"""A gateway's outer world for the probe: Twilio's stand-in, a public address on the loopback, and a configuration."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from redis.asyncio import Redis

from sandbox.alert import Alert
from sandbox.config import (
    SandboxAccount,
    SandboxApplication,
    SandboxConfig,
    SandboxNumber,
    SandboxService,
)
from sandbox.faults import Answer, Fault, Operation
from sandbox.inbound import receive
from sandbox.journal import EventKind
from sandbox.message import Message
from sandbox.server import RunningSandbox, serve
from shared.settings import Account, Settings, load_settings
from workers.probe.finding import Finding
from workers.probe.result import ProbeResult
from workers.probe.run import ProbeContext, opened_twilio, probe_account

SID, OTHER_SID, CHILD_SID = "AC" + "1a" * 16, "AC" + "2b" * 16, "AC" + "3c" * 16
TOKEN = "the-token-of-the-account"
NUMBER, SECOND, STRANGER = "+12025550100", "+12025550101", "+14155550123"
SERVICE, APPLICATION = "MG" + "4d" * 16, "AP" + "5e" * 16
PATH = "/webhooks/sms"


class Said(msgspec.Struct, frozen=True):
    """What a command left."""

    status: int | None
    out: str
    err: str


class PublicServer:
    """What answers at the public address; by default as an ingress does."""

    def __init__(self) -> None:
        self.port = 0
        self.status = 403
        self.headers = {"textgate-route": "webhook"}
        self.requests: list[tuple[str, str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs, await request.read()))
        if request.path == "/healthz":
            return web.json_response({"status": "ok"}, headers={"textgate-route": "health"})
        return web.Response(status=self.status, headers=self.headers)


class Bench:
    """The world, and the probe in it."""

    def __init__(self, folder: Path, sandbox: RunningSandbox, public: PublicServer, redis: Redis | None) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.state = sandbox.state
        self.public = public
        self.redis = redis
        self.api_base = sandbox.base_url
        self.timeout_s = 20.0
        self.block: dict[str, Any] = {
            "accountSid": SID,
            "authToken": TOKEN,
            "fromNumber": NUMBER,
            "publicWebhookUrl": f"{public.url}#rc=3&rp=ct,rt,5xx",
        }

    @property
    def url(self) -> str:
        """The URL as configured."""
        return str(self.block["publicWebhookUrl"])

    def set_number(self, number: str = NUMBER, **changes: Any) -> None:
        """Change a number at Twilio."""
        found = self.state.directory.number(SID, number)
        assert found is not None
        self.state.directory.put_number(msgspec.structs.replace(found, **changes))

    def set_account(self, **changes: Any) -> None:
        """Change the account at Twilio."""
        directory = self.state.directory
        directory.put_account(msgspec.structs.replace(directory.accounts[SID], **changes))

    def drop_number(self) -> None:
        """Let the number be another account's."""
        self.state.directory._numbers.pop(NUMBER)

    def put_service(self, *numbers: str, **fields: Any) -> None:
        """Add the Messaging Service, or replace it."""
        self.state.directory.put_service(SandboxService(sid=SERVICE, account_sid=SID, numbers=numbers, **fields))

    def put_application(self, **fields: Any) -> None:
        """Add the application, and let the number point at it."""
        self.state.directory.put_application(SandboxApplication(sid=APPLICATION, account_sid=SID, **fields))
        self.set_number(sms_application_sid=APPLICATION)

    def use_service(self) -> None:
        """Configure the Messaging Service instead of the number."""
        del self.block["fromNumber"]
        self.block["messagingServiceSid"] = SERVICE

    def alert(self, code: int, *, count: int = 1, url: str = "") -> None:
        """Twilio noted errors about the webhook."""
        where = url or self.public.url
        self.state.alerts += [
            Alert(account_sid=SID, error_code=code, request_url=where, sid=f"NO{index}", at=time.time() - 600)
            for index in range(count)
        ]

    def fail(self, path: str, *, status: int = 503, code: int = 20503, times: int = 1) -> None:
        """Let Twilio's API refuse what has this in its path."""
        self.state.faults.add(
            Fault(
                operation=Operation.CONFIGURATION,
                path_contains=path,
                answer=Answer.ERROR,
                accepted=False,
                status=status,
                code=code,
                times=times,
            )
        )

    def text(self, *, age_s: float = 600) -> Message:
        """A text is in Twilio's log; its webhook was not posted."""
        number = self.state.directory.number(SID, NUMBER)
        assert number is not None
        message = receive(self.state, number, from_=STRANGER, body="what they said", media=())
        message.created_at -= age_s
        return message

    def settings(self) -> Settings:
        """What the configuration file says."""
        file = self.folder / "textgate.json5"
        file.write_text(json.dumps({"channels": {"sms": self.block}, "redis": {"prefix": "test:"}}))
        return load_settings(file, {"HOME": str(self.folder), "TEXTGATE_TWILIO_API_BASE": self.api_base})

    async def cli(self, *words: str, stdin: int = asyncio.subprocess.DEVNULL, **variables: str) -> Said:
        """Run `textgate channels status …` as a process."""
        self.settings()  # writes the file
        environ = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "TEXTGATE_TWILIO_API_BASE": self.api_base,
            **variables,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli.main", "channels", "status", *words),
            env=environ,
            cwd=self.folder,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert b"Traceback" not in err, err.decode()
        return Said(process.returncode, out.decode(), err.decode())

    def written(self) -> list[str]:
        """The fields of every request that changed something at Twilio."""
        return [event.note for event in self.state.journal.since(0) if event.kind is EventKind.CONFIGURED]

    def number(self) -> SandboxNumber:
        """Our number as Twilio has it."""
        found = self.state.directory.number(SID, NUMBER)
        assert found is not None
        return found

    def account(self) -> Account:
        return self.settings().accounts["default"]

    async def probe(self) -> ProbeResult:
        """Probe as the command line does."""
        settings = self.settings()
        context = ProbeContext(settings=settings, redis=self.redis, timeout_s=self.timeout_s)
        async with opened_twilio(settings) as twilio:
            return await probe_account(twilio, settings.accounts["default"], context)


def find(result: ProbeResult, code: str) -> Finding:
    """The finding of this code. Fails with all codes if there is none."""
    assert code in {finding.code for finding in result.findings}, [
        (finding.code, finding.sentence) for finding in result.findings
    ]
    return next(finding for finding in result.findings if finding.code == code)


@contextlib.asynccontextmanager
async def opened(folder: Path, redis: Redis | None = None) -> AsyncIterator[Bench]:
    """A world in which everything is right."""
    public = PublicServer()
    runner = web.ServerRunner(web.Server(public.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    public.port = runner.addresses[0][1]
    config = SandboxConfig(
        accounts=(
            SandboxAccount(account_sid=SID, auth_token=TOKEN, api_keys={"SK" + "6f" * 16: "the-secret-of-the-key"}),
            SandboxAccount(account_sid=OTHER_SID, auth_token="token-of-another-account"),
            SandboxAccount(account_sid=CHILD_SID, auth_token="token-of-the-child", owner_account_sid=SID),
        ),
        numbers=(
            SandboxNumber(
                number=NUMBER,
                account_sid=SID,
                sms_url=f"{public.url}#rc=3&rp=ct,rt,5xx",
                voice_url="https://voice.example.com/",
            ),
            SandboxNumber(number=SECOND, account_sid=SID),
        ),
    )
    try:
        async with serve(config) as sandbox:
            yield Bench(folder, sandbox, public, redis)
    finally:
        await runner.cleanup()
