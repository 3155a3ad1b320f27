"""What `textgate up` tells a person once everything runs, and what to do next. Pure."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from cli.init_answers import RETRIES
from cli.plan import Plan, metrics_ports
from cli.sandbox_home import SandboxHome
from shared.settings import Account

STRANGER = "+12025550123"
"""A number that belongs to nobody, for the example."""


def banner(plan: Plan, *, redis: str, state_option: Path | None) -> Iterator[str]:
    """The lines. `redis` says which one; `state_option` is what a second terminal must give as --state-dir, if any."""
    yield "ready"
    yield f"  listening  {plan.ingress_url}   (health: /readyz)"
    for account in plan.settings.enabled_accounts.values():
        if account.receives:
            yield f"  webhook    {account.webhook_path} -> account {account.id}, {_at_twilio(account)}"
        else:
            yield f"  webhook    none for account {account.id}: no publicWebhookUrl, it can only send"
    yield f"  redis      {redis}"
    for role, port in metrics_ports(plan).items():
        yield f"  metrics    http://{plan.settings.metrics.host}:{port or '(any port, see the log)'}/metrics ({role})"
    yield f"  agent      {plan.settings.agent_label}"
    yield from (f"  warning    {warning}" for warning in plan.settings.warnings)
    if plan.sandbox:
        yield from _sandbox(plan, plan.sandbox)
    option = f" --state-dir {shlex.quote(str(state_option))}" if state_option else ""
    yield "In a second terminal:"
    if plan.sandbox:
        (account,) = plan.settings.accounts.values()
        text = json.dumps({"from": STRANGER, "to": account.sender, "body": "Hello?"})
        yield f"  curl {plan.sandbox.api_base}/sandbox/texts -d '{text}'"
        yield f"  curl {plan.sandbox.api_base}/sandbox/conversation"
    yield f"  textgate pairing list{option}"
    yield f"  textgate pairing approve CODE --notify{option}"
    yield "Ctrl-C stops everything."


def _at_twilio(account: Account) -> str:
    """The URL as it belongs into Twilio's console: with the retries, without which a text is lost while we restart."""
    url = account.public_webhook_url
    if url is None:
        return "no public URL"
    if "#" in url:
        return f"public URL {url}"
    return f"public URL {url} (#{RETRIES} behind it lets Twilio try again)"


def _sandbox(plan: Plan, home: SandboxHome) -> Iterator[str]:
    yield f"  sandbox    {home.api_base} stands in for Twilio; nothing leaves this machine"
    yield f"  config     {plan.settings.source}"
    yield "  limits     off here: segmentsPerSecond 0, rateLimits 0"
    yield "  next time  whom you approved stays approved; the ports change, unless --port and --sandbox-port name them"
