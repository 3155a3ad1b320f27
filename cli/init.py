"""`textgate init`: from an account at Twilio to a configuration that starts, in five answers."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import ConfigOption, JsonOption, common

if TYPE_CHECKING:
    from cli.config_proposal import Proposal
    from cli.init_answers import Answers
    from cli.init_ask import Replies
    from shared.secrets import SecretRef
    from shared.settings_channels import DmPolicy


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(short_help="Set up a real number: five questions, then the steps in Twilio's console.")(init)


def init(
    context: typer.Context,
    account_sid: Annotated[
        str | None, typer.Option("--account-sid", metavar="AC…", help="Twilio account.", show_default=False)
    ] = None,
    auth_token_env: Annotated[
        str | None,
        typer.Option("--auth-token-env", metavar="NAME", help="Variable with the auth token.", show_default=False),
    ] = None,
    auth_token_file: Annotated[
        Path | None,
        typer.Option("--auth-token-file", metavar="FILE", help="File with the auth token.", show_default=False),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option("--sender", metavar="+1…|MG…", help="Phone number or Messaging Service.", show_default=False),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", metavar="URL", help="Where Twilio reaches the webhook.", show_default=False),
    ] = None,
    own_number: Annotated[
        str | None,
        typer.Option("--own-number", metavar="+1…", help="Let in without pairing: yours.", show_default=False),
    ] = None,
    dm_policy: Annotated[
        str | None,
        typer.Option(
            "--dm-policy", metavar="pairing|allowlist", help="What strangers get. Else: pairing.", show_default=False
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: options and environment say it all.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Set up a real number: asks for five values, checks each at once, writes the configuration, says what is left.

    The auth token never stands in the configuration: it stays in a variable, or goes into a file of its own. An
    existing configuration is changed only after asking; its comments and its other keys stay. Without a terminal
    the options (or the TWILIO_ variables) say everything. Nothing is sent to Twilio.

    \b
    Example:  textgate init
              textgate init --yes --account-sid AC… --sender +15551234567 \\
                --auth-token-env TWILIO_AUTH_TOKEN \\
                --public-url https://sms.example.com/webhooks/sms
    Then:     textgate config validate && textgate up
    --json:   {"file", "authToken", "publicWebhookUrl", "webhookPath",
              "funnelCommand", "warnings"}
    """
    from cli.init_ask import Given, ask, is_terminal
    from shared.config_edit_write import file_to_change

    if auth_token_env is not None and auth_token_file is not None:
        raise typer.BadParameter("give --auth-token-env or --auth-token-file, not both")
    policy = _policy(dm_policy)
    file = file_to_change(common(context, config).config, os.environ)
    may_ask = not yes and is_terminal()
    _ask_to_change(file, may_ask=may_ask)
    given = Given(
        account_sid=account_sid,
        auth_token_env=auth_token_env,
        auth_token_file=str(auth_token_file.expanduser().absolute()) if auth_token_file else None,
        sender=sender,
        public_url=public_url,
        own_number=own_number,
    )
    if may_ask:
        typer.echo("Five values, each checked at once. Nothing is sent to Twilio.", err=True)
    replies = ask(given, os.environ, may_ask=may_ask)
    with _token_reference(replies, file) as reference:
        answers = _answers(replies, reference, policy)
        proposal = _propose(file, answers, os.environ)
        proposal.write()
    _report(answers, proposal, as_json=as_json)


def _policy(word: str | None) -> "DmPolicy | None":
    """Only the two that need nothing but an own number; the others deserve a second thought and `config set`."""
    from shared.settings_channels import DmPolicy

    if word not in (None, DmPolicy.PAIRING, DmPolicy.ALLOWLIST):
        raise typer.BadParameter("expected pairing or allowlist", param_hint="--dm-policy")
    return None if word is None else DmPolicy(word)


def _ask_to_change(file: Path, *, may_ask: bool) -> None:
    """An existing configuration is somebody's work."""
    from shared.errors import UsageError

    if not (file.exists() or file.is_symlink()):
        return
    if not may_ask:
        raise UsageError(
            f"{file} exists and is not changed without asking: change it with `textgate config set`, or name "
            "another with --config"
        )
    question = f"{file} exists. Change the account in it? Everything else in it stays."
    if not typer.confirm(question, default=False, err=True):
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(1)


def _token_reference(replies: "Replies", config: Path) -> "contextlib.AbstractContextManager[SecretRef]":
    from cli.init_token import stored_token
    from shared.secrets import SecretRef, SecretSource

    if replies.token is not None:
        return stored_token(replies.token, config)
    if replies.token_file is not None:
        return contextlib.nullcontext(SecretRef(source=SecretSource.FILE, id=replies.token_file))
    return contextlib.nullcontext(SecretRef(source=SecretSource.ENV, id=replies.token_variable or ""))


def _answers(replies: "Replies", reference: "SecretRef", policy: "DmPolicy | None") -> "Answers":
    from cli.init_answers import Answers
    from shared.phone import Address

    return Answers(
        account_sid=replies.account_sid,
        auth_token=reference,
        sender=replies.sender,
        public_webhook_url=replies.public_url,
        own_number=Address(replies.own_number) if replies.own_number else None,
        dm_policy=policy,
    )


def _propose(file: Path, answers: "Answers", environ: Mapping[str, str]) -> "Proposal":
    """Check the result; a variable that only the gateway will have counts as set."""
    from cli.config_proposal import propose
    from shared.config_edit import merge_patch
    from shared.secrets import SecretSource

    later = {answers.auth_token.id: "set-later"} if answers.auth_token.source is SecretSource.ENV else {}
    return propose(file, lambda values: merge_patch(values, answers.as_patch(values)), {**later, **environ})


def _report(answers: "Answers", proposal: "Proposal", *, as_json: bool) -> None:
    from cli.init_steps import describe_steps, funnel_command
    from cli.output import print_json
    from shared.config_accounts import DEFAULT_ACCOUNT_ID
    from shared.secrets import describe_origin
    from shared.settings_agent import AgentKind

    file, settings = proposal.original.path, proposal.settings
    for warning in settings.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if as_json:
        print_json(
            {
                "file": str(file),
                "authToken": describe_origin(answers.auth_token),
                "publicWebhookUrl": answers.public_webhook_url,
                "webhookPath": answers.webhook_path,
                "funnelCommand": funnel_command(answers, port=settings.ingress.port),
                "warnings": list(settings.warnings),
            }
        )
        return
    typer.echo(f"Written: {file}\nWhat is left:\n")
    token_is_set = bool(os.environ.get(answers.auth_token.id))
    is_echo = settings.agent_of(DEFAULT_ACCOUNT_ID).kind is AgentKind.ECHO
    named = _must_be_named(file)
    for line in describe_steps(
        answers, port=settings.ingress.port, token_is_set=token_is_set, is_echo=is_echo, config=named
    ):
        typer.echo(line)


def _must_be_named(file: Path) -> str:
    """The file for `--config`, unless a command without options finds it."""
    from shared.config_file import find_file

    found = find_file(None, os.environ)
    return "" if found is not None and found.absolute() == file else str(file)
