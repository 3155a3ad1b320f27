"""`textgate explain CODE`: what one of Twilio's codes means, what Textgate does about it, and what you can do."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import JsonOption
from cli.output import print_json
from cli.plain_usage import PlainUsage
from shared.errors import UsageError

if TYPE_CHECKING:
    from shared.twilio_code_table import ErrorClass

_RECORDED = "and the person is recorded as opted out: nothing more is sent to them until they text START"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(cls=PlainUsage, short_help="Say what one of Twilio's error codes means.")(explain)


def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Say what one of Twilio's error codes means, what Textgate does about it, and what you can do.

    Knows the codes about texts, and those about reaching the webhook. Another one: exit status 1.

    \b
    Example:  textgate explain 30007
    --json:   {"code", "meaning", "class", "whenRefused", "whenReported",
              "hint", "source"}
    """
    number = code.strip().lower().removeprefix("twilio-")
    if not (number.isascii() and number.isdigit() and len(number) <= 6):
        raise typer.BadParameter("expected one of Twilio's codes, such as 30007", param_hint="CODE")
    told = describe(int(number))
    if as_json:
        print_json(told)
        return
    typer.echo(f"{told['code']}: {told['meaning']} ({told['class']})")
    for key, name in (("whenRefused", "if Twilio refuses a text"), ("whenReported", "if Twilio reports it later")):
        if told[key]:
            typer.echo(f"  {name}: {told[key]}")
    typer.echo(f"next: {told['hint']}")
    typer.echo(f"more: {told['source']}")


def describe(code: int) -> dict[str, Any]:
    """The documented shape; see docs/cli.md. Raises UsageError for a code that is in neither table."""
    from shared.twilio_codes import CODES, OPTED_OUT, source_of
    from shared.twilio_webhook_codes import WEBHOOK_CODES

    shown: dict[str, Any] = {"code": code, "whenRefused": None, "whenReported": None, "source": source_of(code)}
    webhook = WEBHOOK_CODES.get(code)
    if webhook is not None:
        return shown | {"meaning": webhook.meaning, "class": "webhook", "hint": webhook.hint}
    info = CODES.get(code)
    if info is None:
        raise UsageError(f"{code} is none of Twilio's codes about texts or webhooks: see {source_of(code)}")
    refused, reported = what_textgate_does(info.error_class)
    if code == OPTED_OUT:
        refused, reported = f"{refused}; {_RECORDED}", f"{reported}; {_RECORDED}"
    return shown | {
        "meaning": info.meaning,
        "class": info.error_class.value,
        "whenRefused": refused,
        "whenReported": reported,
        "hint": info.hint,
    }


def what_textgate_does(error_class: "ErrorClass") -> tuple[str, str]:
    """About a code in the answer to a request, and about one in a report on a text that Twilio had accepted."""
    from shared.twilio_code_table import ErrorClass

    marked = "the text is marked as failed; it is never sent again by itself"
    match error_class:
        case ErrorClass.TRANSIENT:
            return "it is tried again by itself, with growing waits; in the end it becomes a dead letter", marked
        case ErrorClass.PERMANENT:
            return "it becomes a dead letter with the rest of its reply; the conversation goes on", marked
        case ErrorClass.ACCOUNT:
            return (
                "the account is paused; everything is kept, and nothing is sent until `textgate account resume`",
                f"{marked}; and the account is paused",
            )
        case ErrorClass.UNKNOWN:
            return "Textgate finds out at Twilio whether it was sent, and sends it again only if it was not", marked
