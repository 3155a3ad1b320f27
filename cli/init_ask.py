"""Ask for what the options of `textgate init` did not say. Prompts on the terminal; stores nothing."""

import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
import typer

from cli.init_answers import check_account_sid, check_own_number, check_sender, check_token, check_url, check_variable
from shared.errors import UsageError

T = TypeVar("T")

TOKEN_VARIABLE = "TWILIO_AUTH_TOKEN"  # noqa: S105 - a variable's name


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the options say; None: not given."""

    account_sid: str | None = None
    auth_token_env: str | None = None
    auth_token_file: str | None = None
    sender: str | None = None
    public_url: str | None = None
    own_number: str | None = None


class Replies(msgspec.Struct, frozen=True, kw_only=True):
    """The five answers, checked; the token is still to be stored if it was typed."""

    account_sid: str
    token_variable: str | None = None
    token_file: str | None = None
    token: str | None = None
    sender: str
    public_url: str
    own_number: str | None = None

    def __repr__(self) -> str:
        return "Replies(***)"


def is_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(given: Given, environ: Mapping[str, str], *, may_ask: bool) -> Replies:
    """Take each answer from the options, else from a prompt, which proposes what the environment says.

    Without a prompt the environment's value is taken. Raises `UsageError` for what is wrong or missing.
    """
    questions = _Questions(environ, may_ask=may_ask)
    if not may_ask:
        _refuse_missing(given, environ)
    sid = questions.answer(
        "Account SID (AC…, from console.twilio.com)",
        check_account_sid,
        given.account_sid,
        "--account-sid",
        "TWILIO_ACCOUNT_SID",
    )
    variable, token = _token(given, questions)
    return Replies(
        account_sid=sid,
        token_variable=variable,
        token_file=given.auth_token_file,
        token=token,
        sender=questions.answer(
            "Your Twilio phone number (+1…), or a Messaging Service SID (MG…)",
            check_sender,
            given.sender,
            "--sender",
            "TWILIO_PHONE_NUMBER",
            "TWILIO_MESSAGING_SERVICE_SID",
        ),
        public_url=questions.answer(
            "Public webhook URL (https://…/webhooks/sms)",
            check_url,
            given.public_url,
            "--public-url",
            "SMS_PUBLIC_WEBHOOK_URL",
        ),
        own_number=questions.answer(
            "Your own number, let in without pairing (Enter: none)",
            check_own_number,
            given.own_number,
            "--own-number",
            default="",
        ),
    )


class _Questions:
    """Asks one question at a time until the answer is right."""

    def __init__(self, environ: Mapping[str, str], *, may_ask: bool) -> None:
        self.environ = environ
        self.may_ask = may_ask

    def answer(
        self,
        question: str,
        check: Callable[[str], T],
        given: str | None,
        option: str,
        *variables: str,
        default: str | None = None,
    ) -> T:
        proposal = next((self.environ[name] for name in variables if self.environ.get(name)), default)
        if given is None and not self.may_ask:
            given = proposal or ""
        if given is not None:
            try:
                return check(given.strip())
            except ValueError as error:
                raise UsageError(f"{option}: {error}") from None
        return prompt(question, check, proposal)


def prompt(question: str, check: Callable[[str], T], default: str | None = None, *, hidden: bool = False) -> T:
    """Ask until the check is content; what it says is shown at once."""
    while True:
        shown = bool(default)
        text = typer.prompt(question, default=default, show_default=shown, hide_input=hidden, err=True)
        try:
            return check(text.strip())
        except ValueError as error:
            typer.echo(f"  {error}", err=True)


def _token(given: Given, questions: _Questions) -> tuple[str | None, str | None]:
    """Give the variable that holds the auth token, or the token itself; neither if a file was named."""
    if given.auth_token_file is not None:
        return None, None
    if given.auth_token_env is not None or not questions.may_ask:
        name = given.auth_token_env or TOKEN_VARIABLE
        return questions.answer("", check_variable, name, "--auth-token-env"), None
    if questions.environ.get(TOKEN_VARIABLE) and typer.confirm(
        f"{TOKEN_VARIABLE} is set. Read the auth token from there at every start?", default=True, err=True
    ):
        return TOKEN_VARIABLE, None
    return None, prompt("Auth token (goes into a file of its own, mode 0600; not shown)", check_token, hidden=True)


def _refuse_missing(given: Given, environ: Mapping[str, str]) -> None:
    said = {
        "--account-sid": given.account_sid or environ.get("TWILIO_ACCOUNT_SID"),
        "--auth-token-env or --auth-token-file": given.auth_token_env
        or given.auth_token_file
        or environ.get(TOKEN_VARIABLE),
        "--sender": given.sender or environ.get("TWILIO_PHONE_NUMBER") or environ.get("TWILIO_MESSAGING_SERVICE_SID"),
        "--public-url": given.public_url or environ.get("SMS_PUBLIC_WEBHOOK_URL"),
    }
    missing = [option for option, value in said.items() if not value]
    if missing:
        raise UsageError(f"nobody is asked here, so these options are needed: {', '.join(missing)}")
