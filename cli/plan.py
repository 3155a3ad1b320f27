"""What `textgate up` is going to start, decided before anything is started. Reads configuration, starts nothing."""

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cli.child import ChildSpec
from cli.options import Common
from cli.ports import free_ports
from cli.running import SANDBOX_FOLDER, RunningAccount, RunningUp
from cli.sandbox_home import SandboxHome, clean_environ
from cli.state_dir import default_state_dir
from shared.errors import ConfigError
from shared.keys import PROBE, Stage
from shared.settings import Settings, load_settings

CONFIG = "TEXTGATE_CONFIG"
REDIS_URL = "TEXTGATE_REDIS_URL"
API_BASE = "TEXTGATE_TWILIO_API_BASE"

# Who is stopped when: nobody looks at the ingress from outside any more and calls its end a fault, nothing new comes
# in, then the work under way is finished, then Twilio's stand-in may go.
_PROBE_RANK, _INGRESS_RANK, _WORKER_RANK, _SANDBOX_RANK = 0, 1, 2, 3

_NO_ACCOUNT = (
    "`textgate init` sets one up; `textgate up --sandbox` needs none. Or set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, "
    "TWILIO_PHONE_NUMBER, SMS_PUBLIC_WEBHOOK_URL and SMS_ALLOWED_USERS (your own number)"
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway on this machine."""

    settings: Settings
    state_dir: Path
    """Holds the embedded Redis, the lock and `up.json`."""
    environ: dict[str, str]
    """What every child finds in its environment."""
    sandbox: SandboxHome | None = None

    @property
    def ingress_url(self) -> str:
        """Where the ingress listens."""
        host = self.settings.ingress.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.ingress.port}"


def plan_gateway(common: Common, environ: Mapping[str, str]) -> Plan:
    """The configured gateway. Raises ConfigError, also if no account is configured."""
    settings = load_settings(common.config, environ)
    require_account(settings)
    if settings.ingress.port == 0:
        (port,) = free_ports(1)
        settings = msgspec.structs.replace(settings, ingress=msgspec.structs.replace(settings.ingress, port=port))
    config = {CONFIG: str(settings.source)} if settings.source else {}
    return Plan(
        settings=settings,
        state_dir=common.state_dir or settings.state_dir,
        environ={**environ, **config, "PYTHONUNBUFFERED": "1"},
    )


def require_account(settings: Settings) -> None:
    """Raises ConfigError if there is nobody to run a gateway for."""
    if not settings.enabled_accounts:
        found = "every account is switched off" if settings.accounts else "no account is configured"
        raise ConfigError("channels.sms", found=found, expected=_NO_ACCOUNT)


def sandbox_folder(common: Common, environ: Mapping[str, str]) -> Path:
    """The state folder of a sandbox, apart from that of a real gateway."""
    return (common.state_dir or default_state_dir(environ)) / SANDBOX_FOLDER


def plan_sandbox(
    folder: Path,
    environ: Mapping[str, str],
    *,
    port: int | None = None,
    sandbox_port: int | None = None,
    agent: str | None = None,
) -> Plan:
    """A gateway with a stand-in for Twilio. Writes its generated configuration into `folder`, for the children.

    Of the caller's environment only TEXTGATE_REDIS_URL counts. Raises UsageError if the folder cannot be written.
    """
    free = free_ports(2)
    home = SandboxHome(
        folder=folder,
        ingress_port=port or free[0],
        sandbox_port=sandbox_port or free[1],
    )
    home.write(agent=agent)
    own = {
        **clean_environ(environ),
        **{name: environ[name] for name in (REDIS_URL,) if environ.get(name)},
        CONFIG: str(home.config_file),
        API_BASE: home.api_base,
        "PYTHONUNBUFFERED": "1",
    }
    return Plan(settings=load_settings(None, own), state_dir=home.folder, environ=own, sandbox=home)


def children(plan: Plan, *, embedded_url: str | None) -> list[ChildSpec]:
    """Every process but Redis, each by the very command that a larger deployment runs."""
    environ = {**plan.environ, **({REDIS_URL: embedded_url} if embedded_url else {})}

    ports = metrics_ports(plan)

    def measured(role: str) -> tuple[str, ...]:
        # JSON in any case: our own terminal shows it to people.
        return ("--log-format", "json", *(("--metrics-port", str(ports[role])) if role in ports else ()))

    def spec(role: str, rank: int, *words: str) -> ChildSpec:
        # -P: a folder named `shared` or `cli` where the command was typed must not replace ours.
        command = (sys.executable, "-P", "-m", "cli.main", *words)
        return ChildSpec(role=role, command=command, environ=environ, rank=rank)

    specs = [spec("ingress", _INGRESS_RANK, "ingress", "--port", str(plan.settings.ingress.port), *measured("ingress"))]
    specs += [spec(stage.value, _WORKER_RANK, "worker", stage.value, *measured(stage.value)) for stage in Stage]
    specs.append(spec(PROBE, _PROBE_RANK, "worker", PROBE, *measured(PROBE)))
    if plan.sandbox:
        specs.insert(0, spec("sandbox", _SANDBOX_RANK, "sandbox", *_sandbox_words(plan, plan.sandbox)))
    return specs


def metrics_ports(plan: Plan) -> dict[str, int]:
    """The port of each child's metrics by role: always the same, also after a crash. Empty if there are none."""
    first = plan.settings.metrics.port
    if first is None:
        return {}
    roles = ("ingress", *(stage.value for stage in Stage), PROBE)
    return {role: first + i if first else 0 for i, role in enumerate(roles)}


def _sandbox_words(plan: Plan, home: SandboxHome) -> tuple[str, ...]:
    (account,) = plan.settings.accounts.values()
    return (
        *("--port", str(home.sandbox_port)),
        *("--webhook-url", home.webhook_url),
        *("--number", account.sender),
        *("--account-sid", account.account_sid),
        *("--auth-token-file", str(home.token_file)),
    )


def describe_running(plan: Plan, *, pid: int, embedded_url: str | None, ready: bool) -> RunningUp:
    """What `up.json` says about this gateway."""
    return RunningUp(
        pid=pid,
        ready=ready,
        config=str(plan.settings.source) if plan.settings.source else None,
        redis_url=embedded_url,
        prefix=plan.settings.redis.prefix,
        ingress_url=plan.ingress_url,
        sandbox_url=plan.sandbox.api_base if plan.sandbox else None,
        accounts=tuple(RunningAccount(id=a.id, enabled=a.enabled) for a in plan.settings.accounts.values()),
        default_account=plan.settings.default_account_id,
    )
