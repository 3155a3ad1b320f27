"""`textgate message`: send a text yourself, like the agent's answers are sent. Where one is: `cli/trace.py`."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import message_scheduled
from cli.channels_words import iso
from cli.message_wait import wait_and_tell
from cli.options import AccountOption, ChannelOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json
from cli.plain_usage import PlainUsage
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
        "textgate message scheduled             what waits for its time\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    message.command(short_help="Queue one text.")(send)
    message.command(cls=PlainUsage, short_help="Show where a message is, or why it stopped.")(trace)
    message_scheduled.add_to(message)
    app.add_typer(message, short_help="Send a text yourself; see where one is.")


def send(
    context: typer.Context,
    target: Annotated[
        str, typer.Option("--target", metavar="sms:+NUMBER", help="To whom. `twilio-sms:+NUMBER` works as well.")
    ],
    text: Annotated[str, typer.Option("--message", metavar="TEXT", help="What to say, as plain text.")] = "",
    media: Annotated[
        list[str] | None,
        typer.Option("--media", metavar="URL", help="A picture or file that Twilio fetches; up to ten times."),
    ] = None,
    send_at: Annotated[
        str | None,
        typer.Option("--send-at", metavar="TIME", help="When, with its offset: 2026-12-24T18:00:00+01:00."),
    ] = None,
    validity: Annotated[
        int | None,
        typer.Option("--validity", metavar="S", min=1, max=36_000, help="Seconds it may wait in Twilio's own queue."),
    ] = None,
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

    A bad number or URL, or who has opted out, is refused before anything is stored. Exit status 0 means queued, not
    delivered; with --wait it means that Twilio says it was delivered: 1 that it was not, 2 that it is not known in
    time. If Twilio will not take the media, the words go without them.

    \b
    Example:  textgate message send --target sms:+15551234567 --message "hello"
    Or:       with --wait; with --target twilio-sms:+15551234567
    --json:   {"account", "to", "replyId", "state": "queued"}; with --wait also
              "summary", "next", "seconds", "parts": see docs/cli.md
    """
    if timeout_s is not None and not wait:
        raise typer.BadParameter("it says how long --wait waits, so it needs --wait", param_hint="--timeout")
    to = parse_target(target, channel)
    if not text.strip() and not media:
        raise UsageError("--message is empty: there is nothing to send")
    gateway = find_target(common(context, config, state_dir))
    if wait and send_at is not None:
        raise typer.BadParameter("a text that waits for its time is not waited for", param_hint="--wait")
    checked = parse_media(media or [], loopback=gateway.twilio_is_local)
    due_ms = None if send_at is None else parse_time(send_at)
    reply = asyncio.run(
        queue_text(gateway, to, text, account=account, media=checked, validity_s=validity, due_ms=due_ms)
    )
    if due_ms is not None:
        tell_time(reply, due_ms, as_json=as_json)
        return
    if wait:
        wait_and_tell(gateway, reply, timeout_s=WAIT_S if timeout_s is None else timeout_s, as_json=as_json)
        return
    if as_json:
        print_json({"account": reply.account_id, "to": reply.to, "replyId": reply.reply_id, "state": "queued"})
    else:
        typer.echo(f"Queued for {reply.to} through account {reply.account_id}.")
        typer.echo(f"Where it is: `textgate message trace {reply.reply_id}`")


def parse_time(text: str) -> int:
    """The moment of `--send-at` in ms. Raises UsageError."""
    from shared.send_at import parse_send_at

    try:
        return parse_send_at(text, now_ms=time.time_ns() // 1_000_000)
    except ValueError as error:
        raise UsageError(f"--send-at: {error}") from error


def tell_time(reply: "Reply", due_ms: int, *, as_json: bool) -> None:
    """Say when it will leave, and how to take it back."""
    if as_json:
        shown = {"account": reply.account_id, "to": reply.to, "replyId": reply.reply_id, "state": "scheduled"}
        print_json({**shown, "scheduledAt": iso(due_ms)})
    else:
        typer.echo(f"Scheduled for {reply.to} through account {reply.account_id}, {iso(due_ms)}.")
        typer.echo(f"Take it back: `textgate message cancel {reply.reply_id}`")


def parse_media(urls: list[str], *, loopback: bool) -> tuple[str, ...]:
    """The URLs of `--media`. Raises UsageError that names the wrong one by its place."""
    from shared.media_urls import BadMediaError, check_media

    try:
        return check_media(urls, loopback=loopback)
    except BadMediaError as error:
        which = "" if error.index is None or len(urls) == 1 else f" no. {error.index + 1}"
        raise UsageError(f"--media{which}: {error}") from error


async def queue_text(gateway: Target, to: Address, text: str, *, account: str | None, **options: Any) -> "Reply":
    """Hand the text to the pipeline; `options` are those of `enqueue_text`. Raises UsageError for an account that is
    unknown or off, and for who has opted out."""
    from shared.optout import is_opted_out
    from shared.outbox import enqueue_text

    account_id = gateway.account(account)
    if not gateway.accounts[account_id]:
        raise UsageError(f"account {account_id} is switched off: set enabled to true, or name another with --account")
    async with opened(gateway) as (redis, keys):
        if await is_opted_out(redis, keys, account_id, to):
            raise UsageError(
                f"{to} has opted out of texts from account {account_id}: they must text START first; see `textgate "
                "optout show`"
            )
        return await enqueue_text(redis, keys, account_id=account_id, to=to, text=text, **options)
