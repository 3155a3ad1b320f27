"""`textgate message`: send a text yourself, like the agent's answers are sent. Where one is: `cli/trace.py`."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.message_wait import wait_and_tell
from cli.options import AccountOption, ChannelOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json
from cli.target import Target, find_target, opened
from cli.trace import trace
from cli.words import parse_target
from shared.errors import UsageError
from shared.phone import Address

if TYPE_CHECKING:
    from shared.records import Reply

WAIT_S = 120.0
"""Most texts are delivered, or refused by the carrier, within seconds; some carriers report after a minute or so."""

message = typer.Typer(
    name="message",
    help=(
        "Send texts yourself, and see where one is.\n\n"
        "\b\n"
        'textgate message send --target sms:+15551234567 --message "hello"\n'
        "textgate message trace MESSAGE_SID     where it is, or why it stopped\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    message.command(short_help="Queue one text.")(send)
    message.command(short_help="Show where a message is, or why it stopped.")(trace)
    app.add_typer(message, short_help="Send a text yourself; see where one is.")


def send(
    context: typer.Context,
    target: Annotated[
        str, typer.Option("--target", metavar="sms:+NUMBER", help="To whom. `twilio-sms:+NUMBER` works as well.")
    ],
    text: Annotated[str, typer.Option("--message", metavar="TEXT", help="What to say, as plain text.")],
    channel: ChannelOption = None,
    account: AccountOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until Twilio says how it ended.")] = False,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="S", min=0, help="With --wait: seconds at most. Else: 120.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Queue one text; it leaves after whatever is already on its way to that person.

    A bad number is refused before anything is stored. Exit status 0 means queued, not delivered; with --wait it means
    that Twilio says it was delivered: 1 that it was not, 2 that it is not known in time.

    \b
    Example:  textgate message send --target sms:+15551234567 --message "hello"
    Or:       with --wait; with --target twilio-sms:+15551234567
    --json:   {"account", "to", "replyId", "state": "queued"}; with --wait also
              "summary", "next", "seconds", "parts": see docs/cli.md
    """
    if timeout_s is not None and not wait:
        raise typer.BadParameter("it says how long --wait waits, so it needs --wait", param_hint="--timeout")
    to = parse_target(target, channel)
    if not text.strip():
        raise UsageError("--message is empty: there is nothing to send")
    gateway = find_target(common(context, config, state_dir))
    reply = asyncio.run(queue_text(gateway, to, text, account=account))
    if wait:
        wait_and_tell(gateway, reply, timeout_s=WAIT_S if timeout_s is None else timeout_s, as_json=as_json)
        return
    if as_json:
        print_json({"account": reply.account_id, "to": reply.to, "replyId": reply.reply_id, "state": "queued"})
    else:
        typer.echo(f"Queued for {reply.to} through account {reply.account_id}.")
        typer.echo(f"Where it is: textgate message trace {reply.reply_id}")


async def queue_text(gateway: Target, to: Address, text: str, *, account: str | None) -> "Reply":
    """Hand the text to the pipeline. Raises UsageError for an account that is unknown or switched off."""
    from shared.outbox import enqueue_text

    account_id = gateway.account(account)
    if not gateway.accounts[account_id]:
        raise UsageError(f"account {account_id} is switched off: set enabled to true, or name another with --account")
    async with opened(gateway) as (redis, keys):
        return await enqueue_text(redis, keys, account_id=account_id, to=to, text=text)
