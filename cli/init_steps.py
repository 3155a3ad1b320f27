"""What is left to do by hand after `textgate init`: Twilio's console, the tunnel, the start. Pure functions."""

import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit

from cli.init_answers import Answers
from shared.funnel import FUNNEL_PORTS, funnel_command as public_by_funnel
from shared.secrets import SecretSource


def describe_steps(
    answers: Answers, *, port: int, token_is_set: bool, is_echo: bool, config: str = ""
) -> Iterator[str]:
    """Number the steps, each with what to type or to click; `config` names a file that is not found by itself."""
    start = _start(answers, config, is_echo=is_echo)
    steps = [*_token(answers, token_is_set), *_funnel(answers, port), _console(answers), *start]
    for number, lines in enumerate(steps, start=1):
        yield f"{number}. {lines[0]}"
        yield from (f"   {line}" for line in lines[1:])


def funnel_command(answers: Answers, *, port: int) -> str | None:
    """The command that makes the local route public on a Tailscale host; None for any other host."""
    return public_by_funnel(answers.public_webhook_url, webhook_path=answers.webhook_path, port=port)


def _token(answers: Answers, is_set: bool) -> Iterator[list[str]]:
    if answers.auth_token.source is SecretSource.ENV and not is_set:
        yield [
            f"Set {answers.auth_token.id} to the auth token wherever the gateway is started; it is not set here:",
            f"export {answers.auth_token.id}=…",
        ]


def _funnel(answers: Answers, port: int) -> Iterator[list[str]]:
    url = urlsplit(answers.public_webhook_url)
    command = funnel_command(answers, port=port)
    if command is None:
        target = f"http://127.0.0.1:{port}{answers.webhook_path}"
        yield [f"Let {url.scheme}://{url.netloc}{url.path} lead to {target} (reverse proxy or tunnel)."]
        return
    lines = ["Make the webhook public with Tailscale (1.52 or newer; it stays after a reboot):", command]
    if (url.port or 443) not in FUNNEL_PORTS:
        lines.append(f"Funnel has the ports {', '.join(map(str, FUNNEL_PORTS))} only: {url.port} will not work.")
    yield lines


def _console(answers: Answers) -> list[str]:
    if answers.is_service:
        return [
            f"console.twilio.com: Messaging > Services > {answers.sender} > Integration:",
            "Incoming Messages: Send a webhook. Request URL, with method HTTP POST, exactly:",
            answers.public_webhook_url,
            "Then Save.",
        ]
    return [
        f"console.twilio.com: Phone Numbers > Manage > Active numbers > {answers.sender} > Messaging Configuration:",
        "A message comes in: Webhook, method HTTP POST, URL exactly:",
        answers.public_webhook_url,
        "Then Save configuration.",
    ]


def _start(answers: Answers, config: str, *, is_echo: bool) -> Iterator[list[str]]:
    option = f" --config {shlex.quote(config)}" if config else ""
    yield ["Check and start:", f"textgate config validate{option} && textgate up{option}"]
    whom = "a number of the service" if answers.is_service else answers.sender
    if answers.own_number is None:
        lines = [f"Text {whom}, and let yourself in with the code that comes back:"]
        lines.append(f"textgate{option} pairing approve CODE --notify")
    else:
        who = "An echo" if is_echo else "The agent"
        lines = [f"Text {whom} from your own number, which needs no pairing. {who} answers."]
    yield lines
    if is_echo:
        yield [
            "An echo answers until you set agent.kind. Your own function in my_agent.py beside the configuration:",
            f"textgate config set agent.callable my_agent:reply{option}",
            f"textgate config set agent.kind python{option}",
        ]
    yield [
        "Nothing arrives? See what Twilio has, and what runs here:",
        f"textgate{option} channels status --probe",
        f"textgate{option} doctor",
    ]
