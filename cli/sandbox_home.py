"""Everything that `textgate up --sandbox` needs and nobody has to write: configuration, secret, numbers.

It lives apart from a real gateway (own state folder, own key prefix, own account id), so that trying out can never
touch real conversations. The configuration is an ordinary file: a newcomer can read it, copy it and go on from there.
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cli.state_dir import make_private, write_private
from sandbox.config import (
    DEFAULT_ACCOUNT_SID,
    DEFAULT_AUTH_TOKEN,
    DEFAULT_NUMBER,
    SandboxAccount,
    SandboxConfig,
    SandboxNumber,
    SandboxService,
    check_webhook_url,
    derived_sid,
)

ACCOUNT_ID = "sandbox"
PREFIX = "tgsandbox:"
WEBHOOK_PATH = "/webhooks/sms"

_OURS = ("TWILIO_", "SMS_", "TEXTGATE_")
"""Variables that describe a real gateway; the sandbox must not pick them up."""


class SandboxHome(msgspec.Struct, frozen=True, kw_only=True):
    """The files and addresses of one sandbox."""

    folder: Path
    ingress_port: int
    sandbox_port: int

    @property
    def config_file(self) -> Path:
        """The generated configuration."""
        return self.folder / "textgate.json5"

    @property
    def token_file(self) -> Path:
        """The auth token, 0600; the configuration points at it."""
        return self.folder / "auth-token"

    @property
    def webhook_url(self) -> str:
        """What would be typed into Twilio's console, were it Twilio."""
        return f"http://127.0.0.1:{self.ingress_port}{WEBHOOK_PATH}#rc=3&rp=ct,rt,5xx"

    @property
    def api_base(self) -> str:
        """Where the stand-in for Twilio listens."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    def write(self, *, agent: str | None) -> None:
        """Write configuration and token, both new at each start. `agent`: `package.module:callable`, None: echo."""
        make_private(self.folder)
        write_private(self.token_file, secrets.token_hex(16))
        text = json.dumps(self._config(agent), indent=2)
        write_private(self.config_file, f"// Written by `textgate up --sandbox` at every start: edit a copy.\n{text}\n")

    def _config(self, agent: str | None) -> dict[str, object]:
        account = {
            "name": "Sandbox",
            "accountSid": DEFAULT_ACCOUNT_SID,
            "authToken": {"source": "file", "provider": "default", "id": str(self.token_file)},
            "fromNumber": DEFAULT_NUMBER,
            "publicWebhookUrl": self.webhook_url,
            "webhookPath": WEBHOOK_PATH,
            "dmPolicy": "pairing",
            "segmentsPerSecond": 0,
            "rateLimits": {"perSenderPerMinute": 0, "perAccountPerMinute": 0, "failedSignaturesPerMinute": 0},
        }
        return {
            "channels": {"sms": {"accounts": {ACCOUNT_ID: account}, "defaultAccount": ACCOUNT_ID}},
            "agent": {"kind": "python", "callable": agent, "path": str(Path.cwd())} if agent else {"kind": "echo"},
            "redis": {"prefix": PREFIX},
            "ingress": {"host": "127.0.0.1", "port": self.ingress_port},
            "state": {"dir": str(self.folder)},
        }


def sandbox_config(
    *, webhook_url: str, number: str | None = None, account_sid: str | None = None, auth_token: str | None = None
) -> SandboxConfig:
    """One account with one number whose texts go to `webhook_url`. Raises ValueError if that leaves this machine.

    The number sits in a Messaging Service with a verified campaign, as a US number has to: so a probe has nothing to
    complain of. Its own webhook counts, not the service's.
    """
    check_webhook_url("sms_url", webhook_url)
    sid, ours = account_sid or DEFAULT_ACCOUNT_SID, number or DEFAULT_NUMBER
    registered = SandboxService(
        sid=derived_sid("MG", sid),
        account_sid=sid,
        numbers=(ours,),
        use_inbound_webhook_on_number=True,
        campaigns=("VERIFIED",),
    )
    return SandboxConfig(
        accounts=(SandboxAccount(account_sid=sid, auth_token=auth_token or DEFAULT_AUTH_TOKEN),),
        numbers=(SandboxNumber(number=ours, account_sid=sid, sms_url=webhook_url),),
        services=(registered,),
    )


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what describes a real gateway."""
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)}
