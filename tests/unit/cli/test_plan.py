"""What `up` is going to start, decided without starting anything."""

import sys
from pathlib import Path

import msgspec
import pytest

from cli.banner import banner
from cli.options import Common
from cli.plan import Plan, children, describe_running, plan_gateway, plan_sandbox, sandbox_folder
from shared.errors import ConfigError
from shared.settings_sections import MetricsSection

CONFIG = """{ channels: { sms: {
  accountSid: "AC00000000000000000000000000000000", authToken: "secret-token", fromNumber: "+12025550100",
  publicWebhookUrl: "https://example.com/hook", %s
} } }"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": "/bin", "TWILIO_AUTH_TOKEN": "of-the-real-one", "TEXTGATE_X": "1"}


@pytest.fixture
def sandbox(tmp_path: Path, environ: dict[str, str]) -> Plan:
    return plan_sandbox(tmp_path / "state" / "sandbox", environ, port=8123, sandbox_port=9123)


@pytest.fixture
def gateway(tmp_path: Path, environ: dict[str, str]) -> Plan:
    file = tmp_path / "textgate.json5"
    file.write_text(CONFIG % "")
    return plan_gateway(Common(config=file, state_dir=tmp_path / "state"), environ)


def roles_by_rank(plan: Plan) -> list[set[str]]:
    specs = children(plan, embedded_url="unix:///s")
    return [{spec.role for spec in specs if spec.rank == rank} for rank in sorted({spec.rank for spec in specs})]


def test_who_looks_from_outside_stops_first_then_the_ingress_the_workers_and_the_stand_in(
    sandbox: Plan, gateway: Plan
) -> None:
    assert roles_by_rank(gateway) == [{"probe"}, {"ingress"}, {"agent", "format", "outbound"}]
    assert roles_by_rank(sandbox) == [{"probe"}, {"ingress"}, {"agent", "format", "outbound"}, {"sandbox"}]


def test_each_child_is_the_very_command_that_production_runs(gateway: Plan) -> None:
    words = {spec.role: spec.command for spec in children(gateway, embedded_url=None)}
    start, end = (sys.executable, "-P", "-m", "cli.main"), ("--log-format", "json")
    assert words["ingress"] == (*start, "ingress", "--port", "8080", *end)
    assert words["agent"] == (*start, "worker", "agent", *end)


def test_each_child_has_a_metrics_port_of_its_own_that_survives_a_restart(gateway: Plan) -> None:
    settings = msgspec.structs.replace(gateway.settings, metrics=MetricsSection(port=9464))
    specs = children(msgspec.structs.replace(gateway, settings=settings), embedded_url=None)
    ports = {spec.role: spec.command[spec.command.index("--metrics-port") + 1] for spec in specs}
    assert ports == {"ingress": "9464", "agent": "9465", "format": "9466", "outbound": "9467", "probe": "9468"}


def test_an_embedded_redis_reaches_the_children_by_their_environment(gateway: Plan) -> None:
    (url,) = {spec.environ["TEXTGATE_REDIS_URL"] for spec in children(gateway, embedded_url="unix:///s")}
    assert url == "unix:///s"
    assert "TEXTGATE_REDIS_URL" not in children(gateway, embedded_url=None)[0].environ


def test_a_sandbox_takes_nothing_from_the_environment_of_a_real_gateway(sandbox: Plan) -> None:
    assert "TWILIO_AUTH_TOKEN" not in sandbox.environ
    assert "TEXTGATE_X" not in sandbox.environ
    assert sandbox.environ["TEXTGATE_TWILIO_API_BASE"] == "http://127.0.0.1:9123"


def test_ruling_13_a_sandbox_has_its_own_folder_prefix_and_account(sandbox: Plan, tmp_path: Path) -> None:
    said = Common(state_dir=tmp_path / "state")
    assert sandbox.state_dir == sandbox_folder(said, {}) == tmp_path / "state" / "sandbox"
    assert sandbox.settings.redis.prefix == "tgsandbox:"
    assert list(sandbox.settings.accounts) == ["sandbox"]


def test_ruling_19_a_sandbox_has_no_limits_and_says_so(sandbox: Plan) -> None:
    account = sandbox.settings.accounts["sandbox"]
    assert account.segments_per_second == 0
    assert account.rate_limits.per_sender_per_minute == 0
    assert account.rate_limits.per_account_per_minute == 0
    assert "segmentsPerSecond 0, rateLimits 0" in "\n".join(banner(sandbox, redis="embedded", state_option=None))


def test_the_token_of_a_sandbox_is_random_private_and_not_in_the_configuration(sandbox: Plan) -> None:
    assert sandbox.sandbox is not None
    token = sandbox.sandbox.token_file.read_text()
    assert len(token) == 32
    assert sandbox.sandbox.token_file.stat().st_mode & 0o777 == 0o600
    assert token not in sandbox.sandbox.config_file.read_text()
    assert not any(token in word for spec in children(sandbox, embedded_url=None) for word in spec.command)
    account = sandbox.settings.accounts["sandbox"]
    assert account.auth_token is not None
    assert account.auth_token.reveal() == token


def test_a_sandbox_finds_free_ports_by_itself(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = plan_sandbox(tmp_path, environ)
    assert plan.sandbox is not None
    assert plan.sandbox.ingress_port != plan.sandbox.sandbox_port
    assert plan.settings.accounts["sandbox"].signed_url == f"{plan.ingress_url}/webhooks/sms"


def test_an_agent_of_ones_own_can_be_tried_in_the_sandbox(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = plan_sandbox(tmp_path, environ, agent="my.agent:reply")
    assert plan.settings.agent.callable == "my.agent:reply"


@pytest.mark.parametrize(("more", "found"), [(None, "no account is configured"), ("enabled: false", "switched off")])
def test_without_an_account_the_error_names_the_sandbox_and_the_five_values(
    tmp_path: Path, more: str | None, found: str
) -> None:
    file = tmp_path / "textgate.json5"
    file.write_text("{}" if more is None else CONFIG % more)
    with pytest.raises(ConfigError, match=found) as caught:
        plan_gateway(Common(config=file), {"HOME": str(tmp_path)})
    for name in (
        "`textgate up --sandbox`",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_PHONE_NUMBER",
        "SMS_PUBLIC_WEBHOOK_URL",
        "SMS_ALLOWED_USERS",
    ):
        assert name in str(caught.value)


def test_what_a_second_terminal_is_told_holds_no_secret(gateway: Plan) -> None:
    told = describe_running(gateway, pid=1, embedded_url=None, ready=True)
    assert "secret-token" not in repr(told)
    assert [account.id for account in told.accounts] == ["default"]


def test_the_banner_of_a_sandbox_says_how_to_text_read_and_come_back(sandbox: Plan) -> None:
    lines = "\n".join(banner(sandbox, redis="embedded", state_option=None))
    assert "  curl http://127.0.0.1:9123/sandbox/texts -d '" in lines
    assert "  curl http://127.0.0.1:9123/sandbox/conversation" in lines
    assert "whom you approved stays approved; the ports change, unless --port and --sandbox-port name them" in lines


@pytest.mark.parametrize("said", ["#rc=1", "#"])
def test_the_banner_shows_the_url_with_its_retries_as_twilio_wants_it(gateway: Plan, said: str) -> None:
    (account,) = gateway.settings.accounts.values()
    other = msgspec.structs.replace(account, public_webhook_url=f"https://example.com/hook{said}")
    plan = msgspec.structs.replace(
        gateway, settings=msgspec.structs.replace(gateway.settings, accounts={"default": other})
    )
    lines = list(banner(plan, redis="embedded", state_option=None))
    assert f"  webhook    /webhooks/sms -> account default, public URL https://example.com/hook{said}" in lines


def test_the_banner_names_routes_and_the_next_commands(gateway: Plan) -> None:
    lines = "\n".join(banner(gateway, redis="embedded", state_option=Path("/my state")))
    assert "/webhooks/sms -> account default, public URL https://example.com/hook (#rc=3&rp=ct,rt,5xx" in lines
    assert "textgate pairing approve CODE --notify --state-dir '/my state'" in lines
