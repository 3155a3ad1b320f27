"""The five set-ups that documentation of such channels shows, each from a phone's text to the reply on the phone.

Real processes, started with the commands of a deployment; only Twilio is a stand-in.
"""

import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from cli.embedded_redis import EmbeddedRedis
from cli.ports import free_ports
from sandbox.config import SandboxAccount, SandboxConfig, SandboxNumber, SandboxService
from sandbox.inbound import post_webhook, receive
from sandbox.message import Direction, Message
from sandbox.server import RunningSandbox, serve
from shared.keys import Keys
from tests.journeys.house import House

ANN, BOB = "+12025550111", "+12025550122"
SID, TOKEN, NUMBER = "AC" + "1a" * 16, "token of the first account", "+12025550101"
SHOP_SID, SHOP_TOKEN, SHOP_NUMBER = "AC" + "2b" * 16, "token of the shop", "+12025550102"
SERVICE, POOL = "MG" + "3c" * 16, ("+12025550103", "+12025550104")


class SetUp(House):
    """A gateway that is configured as one page of documentation shows it: a file or none, and an environment."""

    def __init__(self, folder: Path, redis_server: EmbeddedRedis, sandbox: RunningSandbox, port: int) -> None:
        super().__init__(folder, redis_server, sandbox, port)
        self.variables: dict[str, str] = {}
        self.keys = Keys()
        self.config = {"ingress": {"port": port}}

    @property
    def file(self) -> Path:
        """Where it is found without an option or a variable."""
        return self.folder / "textgate.json5"

    @property
    def environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in super().environ.items() if name != "TEXTGATE_CONFIG"}
        return inherited | self.variables

    @property
    def webhook(self) -> str:
        return f"{self.url}/webhooks/sms"

    def sms(self, block: dict[str, Any]) -> None:
        self.config["channels"] = {"sms": block}

    async def start_without_a_file(self) -> None:
        self.spawn("ingress", command=("ingress", "--port", str(self.port)))
        for stage in ("agent", "format", "outbound"):
            self.spawn(stage)
        await self.until(self.is_up)
        assert not self.file.exists()

    async def text_to(self, account_sid: str, number: str, sender: str, body: str) -> None:
        """A phone texts one of the numbers; Twilio is told 200."""
        state = self.sandbox.state
        owned = state.directory.number(account_sid, number)
        assert owned is not None
        message = receive(state, owned, from_=sender, body=body, media=())
        (result,) = await post_webhook(state, message)
        assert result.status == 200

    async def pair(self, account_sid: str, number: str, sender: str) -> None:
        """A stranger texts, gets a code, and the owner approves it."""
        before = len(self.got(sender))
        await self.text_to(account_sid, number, sender, "Hello?")
        asked = (await self.receives(sender, before + 1))[-1]
        requests = json.loads(await self.cli("pairing", "list", "--json"))["requests"]
        (code,) = [request["code"] for request in requests if request["code"] in asked]
        await self.cli("pairing", "approve", "sms", code)

    async def replies(self, phone: str, count: int) -> list[Message]:
        await self.receives(phone, count)
        return self.got(phone)


@contextlib.asynccontextmanager
async def set_up(folder: Path) -> AsyncIterator[SetUp]:
    """Not started yet. Twilio has two accounts with a number each, and a Messaging Service with two numbers."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    twilio = SandboxConfig(
        accounts=(
            SandboxAccount(account_sid=SID, auth_token=TOKEN),
            SandboxAccount(account_sid=SHOP_SID, auth_token=SHOP_TOKEN),
        ),
        numbers=(
            SandboxNumber(number=NUMBER, account_sid=SID, sms_url=f"{url}/webhooks/sms"),
            SandboxNumber(number=SHOP_NUMBER, account_sid=SHOP_SID, sms_url=f"{url}/webhooks/sms/shop"),
            *(SandboxNumber(number=number, account_sid=SID) for number in POOL),
        ),
        services=(
            SandboxService(sid=SERVICE, account_sid=SID, numbers=POOL, inbound_request_url=f"{url}/webhooks/sms"),
        ),
    )
    with EmbeddedRedis(folder / "state") as server:
        async with serve(twilio) as sandbox:
            house = SetUp(folder, server, sandbox, port)
            try:
                yield house
            finally:
                try:
                    house.close()
                finally:
                    await house.redis.aclose()


async def test_a_configuration_file_alone(tmp_path: Path) -> None:
    async with set_up(tmp_path) as house:
        house.sms(
            {
                "enabled": True,
                "accountSid": SID,
                "authToken": TOKEN,
                "fromNumber": NUMBER,
                "publicWebhookUrl": house.webhook,
                "dmPolicy": "pairing",
            }
        )
        await house.start()
        await house.pair(SID, NUMBER, ANN)
        await house.text_to(SID, NUMBER, ANN, "hi")
        assert [reply.body for reply in await house.replies(ANN, 2)][1:] == ["hi"]
        assert {reply.from_ for reply in house.got(ANN)} == {NUMBER}


async def test_the_environment_alone(tmp_path: Path) -> None:
    async with set_up(tmp_path) as house:
        house.variables = {
            "TWILIO_ACCOUNT_SID": SID,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_PHONE_NUMBER": NUMBER,
            "SMS_PUBLIC_WEBHOOK_URL": house.webhook,
            "SMS_ALLOWED_USERS": f"sms:{BOB}",
        }
        await house.start_without_a_file()
        await house.text_to(SID, NUMBER, BOB, "I am on the list")
        assert [reply.body for reply in await house.replies(BOB, 1)] == ["I am on the list"]
        await house.pair(SID, NUMBER, ANN)
        await house.text_to(SID, NUMBER, ANN, "hi")
        assert [reply.body for reply in await house.replies(ANN, 2)][1:] == ["hi"]


async def test_secret_references_to_a_file_and_to_the_environment(tmp_path: Path) -> None:
    secret = tmp_path / "secrets.json"
    secret.touch(0o600)
    secret.write_text(json.dumps({"twilio": {"next-token": TOKEN}}))
    async with set_up(tmp_path) as house:
        house.variables = {"MY_TWILIO_TOKEN": "the token of before the rotation"}
        house.sms(
            {
                "accountSid": SID,
                "authToken": {"source": "file", "provider": "default", "id": f"{secret}#/twilio/next-token"},
                "authTokenSecondary": {"source": "env", "provider": "default", "id": "MY_TWILIO_TOKEN"},
                "fromNumber": NUMBER,
                "publicWebhookUrl": house.webhook,
                "dmPolicy": "allowlist",
                "allowFrom": [ANN],
            }
        )
        await house.start()
        await house.text_to(SID, NUMBER, BOB, "I am not on the list")
        await house.text_to(SID, NUMBER, ANN, "hi")
        assert [reply.body for reply in await house.replies(ANN, 1)] == ["hi"]
        await house.idle()
        assert house.got(BOB) == []

        # The token is rotated: the file changes, the variable's value is what signs no more. No restart.
        secret.write_text(json.dumps({"twilio": {"next-token": "a token that signs nothing"}}))
        os.utime(secret, ns=(1, 1))

        async def refused() -> bool:
            state = house.sandbox.state
            owned = state.directory.number(SID, NUMBER)
            assert owned is not None
            (result,) = await post_webhook(state, receive(state, owned, from_=BOB, body="again", media=()))
            return result.status == 403

        await house.until(refused)


async def test_a_messaging_service_as_the_sender(tmp_path: Path) -> None:
    async with set_up(tmp_path) as house:
        house.sms(
            {
                "accountSid": SID,
                "authToken": TOKEN,
                "messagingServiceSid": SERVICE,
                "publicWebhookUrl": f"{house.webhook}#rc=3&rp=ct,rt,5xx",
                "dmPolicy": "open",
                "allowFrom": ["*"],
            }
        )
        await house.start()
        for number in POOL:
            await house.text_to(SID, number, ANN, f"to {number[-3:]}")

        async def both_answered() -> bool:
            return "\n".join(house.bodies(ANN)) == "to 103\nto 104"

        await house.until(both_answered)
        replies = await house.replies(ANN, 1)
        assert {reply.messaging_service_sid for reply in replies} == {SERVICE}
        assert {reply.from_ for reply in replies} <= set(POOL)


async def test_several_accounts_each_with_its_own_path_answer_from_their_own_number(tmp_path: Path) -> None:
    async with set_up(tmp_path) as house:
        house.sms(
            {
                "defaultAccount": "shop",
                "accounts": {
                    "support": {
                        "accountSid": SID,
                        "authToken": TOKEN,
                        "fromNumber": NUMBER,
                        "publicWebhookUrl": house.webhook,
                        "dmPolicy": "pairing",
                    },
                    "shop": {
                        "accountSid": SHOP_SID,
                        "authToken": SHOP_TOKEN,
                        "fromNumber": SHOP_NUMBER,
                        "publicWebhookUrl": f"{house.webhook}/shop",
                        "webhookPath": "/webhooks/sms/shop",
                        "dmPolicy": "open",
                        "allowFrom": "*",
                    },
                },
            }
        )
        await house.start()
        await house.pair(SID, NUMBER, ANN)
        await house.text_to(SID, NUMBER, ANN, "to support")
        await house.text_to(SHOP_SID, SHOP_NUMBER, ANN, "to the shop")
        said = {(reply.from_, reply.account_sid, reply.body) for reply in (await house.replies(ANN, 3))[1:]}
        assert said == {(NUMBER, SID, "to support"), (SHOP_NUMBER, SHOP_SID, "to the shop")}

        await house.cli("message", "send", "--target", f"sms:{BOB}", "--message", "from the default account")
        (sent,) = await house.replies(BOB, 1)
        assert (sent.from_, sent.direction) == (SHOP_NUMBER, Direction.OUTBOUND_API)
        await house.cli("message", "send", "--target", BOB, "--message", "named", "--account", "support")
        assert (await house.replies(BOB, 2))[1].from_ == NUMBER
