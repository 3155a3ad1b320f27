"""What is shipped in deploy/ agrees with the program and with itself, holds no secret and gives no needless right."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from cli.supervisor import GRACE_S
from ingress.body import MAX_BODY_BYTES
from shared.keys import Stage
from shared.settings import load_settings
from tests.deploy.conftest import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
UNIT = (DEPLOY / "systemd/textgate@.service").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("image") == "textgate:latest"}
KINDS = {*(stage.value for stage in Stage), "probe"}
WEBHOOK_PATH = "/webhooks/sms"


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
    if found is None:
        pytest.skip(f"no {name} on this machine")
    return found


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, each with its argument on one line."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2]) for line in text.splitlines() if line.strip()]


def test_the_image_runs_as_nobody_in_particular_with_hashed_versions_and_one_entrance() -> None:
    steps = instructions()
    last = max(i for i, (word, _) in enumerate(steps) if word == "FROM")
    final = dict(steps[last:])
    assert final["USER"] == "10001:10001"
    assert json.loads(final["ENTRYPOINT"]) == ["textgate"]
    assert json.loads(final["CMD"])[0] == "ingress"
    assert "/readyz" in final["HEALTHCHECK"]
    assert any(word == "RUN" and "--require-hashes -r requirements.lock" in rest for word, rest in steps[:last])
    assert [rest for word, rest in steps[last:] if word in {"COPY", "ADD"}] == [
        "--from=build /opt/textgate /opt/textgate"
    ]


def test_the_image_gets_every_package_and_nothing_else_of_the_checkout() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = {
        word for what, rest in instructions() if what == "COPY" and "--from" not in rest for word in rest.split()[:-1]
    }
    assert copied == packages | {"requirements.lock", "pyproject.toml", "README.md", "LICENSE"}
    let_through = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_through == copied


def test_compose_runs_the_ingress_and_every_kind_of_worker_as_replicas_with_no_rights() -> None:
    commands = {name: service["command"] for name, service in OURS.items()}
    assert commands.pop("ingress")[0] == "ingress"
    assert commands == {kind: ["worker", kind] for kind in KINDS}
    for name, service in OURS.items():
        assert service["deploy"]["replicas"] >= 1, name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["stop_grace_period"].removesuffix("s")) > GRACE_S, name
        assert "ports" not in service, "only the proxy is reached from outside"


def test_no_secret_stands_in_an_environment_or_an_image() -> None:
    for name, service in COMPOSE["services"].items():
        words = " ".join([*service.get("environment", {}), *service.get("environment", {}).values()])
        assert not re.search(r"token|password|secret|redis://", words, re.IGNORECASE), name
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"]), name
    assert not re.search(r"token|password", " ".join(rest for _, rest in instructions()), re.IGNORECASE)
    environment = re.findall(r"^Environment=(.*)$", UNIT, re.MULTILINE)
    assert not re.search(r"token|password|secret", " ".join(environment), re.IGNORECASE)


def test_the_shipped_configuration_loads_with_secrets_where_systemd_and_docker_put_them(tmp_path: Path) -> None:
    named = set(re.findall(r"\$CREDENTIALS_DIRECTORY/([a-z-]+)", (DEPLOY / "textgate.json5").read_text()))
    for name in named:
        (tmp_path / name).write_text("redis://:word@127.0.0.1" if name == "redis-url" else "twilio's token")
    settings = load_settings(DEPLOY / "textgate.json5", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    (account,) = settings.accounts.values()
    assert account.webhook_path == WEBHOOK_PATH
    assert set(re.findall(r"^LoadCredential=([a-z-]+):", UNIT, re.MULTILINE)) == named
    assert named <= set(OURS["ingress"]["secrets"])
    (network,) = COMPOSE["networks"]["inside"]["ipam"]["config"]
    assert network["subnet"] in settings.ingress.trusted_proxies


def test_both_proxies_let_exactly_the_webhook_and_its_media_through_and_no_larger_body_than_the_ingress() -> None:
    caddy, nginx = (DEPLOY / "caddy/Caddyfile").read_text(), (DEPLOY / "nginx.conf").read_text()
    assert re.findall(r"^\s*path (.+)$", caddy, re.MULTILINE) == [WEBHOOK_PATH, f"{WEBHOOK_PATH}/media/*"]
    passed = re.findall(r"^ *location ([^{]+) \{\n(?:(?! *location).*\n)*? *proxy_pass", nginx, re.MULTILINE)
    assert passed == [f"= {WEBHOOK_PATH}", f"{WEBHOOK_PATH}/media/"]
    kib = MAX_BODY_BYTES // 1024
    assert f"max_size {kib}KiB" in caddy
    assert f"client_max_body_size {kib}k;" in nginx


def test_caddy_accepts_its_file_and_finds_it_well_formed() -> None:
    file = str(DEPLOY / "caddy/Caddyfile")
    subprocess.run(
        [program("caddy"), "validate", "--adapter", "caddyfile", "--config", file], check=True, capture_output=True
    )
    assert (
        subprocess.run([program("caddy"), "fmt", file], check=True, capture_output=True).stdout
        == Path(file).read_bytes()
    )


def test_nginx_accepts_its_file_whole_with_tls(tmp_path: Path) -> None:
    nginx, key, certificate = program("nginx"), tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    made = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=a",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run([program("openssl"), *made], check=True, capture_output=True)
    text = (DEPLOY / "nginx.conf").read_text().replace("/etc/letsencrypt/live/sms.example.com", str(tmp_path))
    text = text.replace("/var/log/nginx", str(tmp_path)).replace("/run/nginx.pid", str(tmp_path / "pid"))
    # A test must not need root: neither its user nor its ports.
    text = text.replace("user www-data;", "").replace(":80;", ":18080;").replace("listen 80;", "listen 18080;")
    text = text.replace(":443 ssl", ":18443 ssl").replace("listen 443 ssl", "listen 18443 ssl")
    (tmp_path / "nginx.conf").write_text(text)
    done = subprocess.run(
        [nginx, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@pytest.mark.parametrize(
    ("instance", "command"),
    [("ingress", "ingress"), ("ingress-2", "ingress")]
    + [(f"{kind}{suffix}", f"worker {kind}") for kind in sorted(KINDS) for suffix in ("", "-2")],
)
def test_the_instance_of_the_unit_is_the_role(instance: str, command: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)
    script = line.split("'")[1].replace("$$", "$").replace("%%", "%").replace("exec /opt/textgate/bin/textgate", "echo")
    said = subprocess.run(["/bin/sh", "-ec", script, "textgate", instance], capture_output=True, text=True, check=True)
    assert said.stdout.split(" --config")[0].strip() == command


def test_systemd_finds_the_units_well_locked_up(tmp_path: Path) -> None:
    systemd_analyze = program("systemd-analyze")
    shutil.copytree(DEPLOY / "systemd", tmp_path / "units")
    unit = str(tmp_path / "units/textgate@agent.service")
    command = [systemd_analyze, "security", "--offline=true", "--threshold=20", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[0]) > GRACE_S


def test_the_shipped_redis_promises_what_the_guarantees_say() -> None:
    lines = (DEPLOY / "redis/redis.conf").read_text().splitlines()
    settings = {line.split()[0]: line.partition(" ")[2] for line in lines if line and not line.startswith("#")}
    assert (settings["appendonly"], settings["appendfsync"], settings["maxmemory-policy"]) == (
        "yes",
        "always",
        "noeviction",
    )
    assert settings["no-appendfsync-on-rewrite"] == "no"
    assert "requirepass" not in settings, "the password has a file of its own"
