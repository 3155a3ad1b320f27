"""`POST /v1/messages`: hand a message to the pipeline, at most once per idempotency key.

Answered 202 only when Redis has confirmed it at the configured durability. Redis keys: see `shared/idempotency.py`.
"""

import re
import secrets
import time

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from ingress.api.answers import json_response, links
from ingress.api.body import parse_send, read_json
from ingress.api.problems import Kind, RefusedError, invalid
from ingress.api.service import Service
from ingress.api.turns import answer_to_turn, unknown_turn
from ingress.api.wire import Accepted, MessageStatus, SendRequest
from shared.idempotency import IdempotencyKey, Submitted, SubmitVerdict, submit, submitted_of
from shared.keys import conversation_id
from shared.media_urls import BadMediaError, check_media
from shared.moments import maybe_moment, moment
from shared.phone import Address, parse_person
from shared.records import Origin, Reply
from shared.send_at import PAST, check_send_at
from shared.settings import Account, ApiScope, ApiToken

_KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")


async def post_message(service: Service, request: Request) -> Response:
    """Parse, decide, store, answer. Raises RefusedError, or TransientError if Redis cannot confirm."""
    token = await service.admit(request, ApiScope.SEND)
    key = parse_key(request.headers.get("idempotency-key"), token)
    wanted = parse_send(await read_json(request))
    now_ms = time.time_ns() // 1_000_000
    media = decide_media(wanted, loopback=service.twilio_is_local)
    if wanted.turn is not UNSET:
        reply = await answer_to_turn(service, token, wanted, wanted.turn, media=media, now_ms=now_ms)
    else:
        account = decide_account(wanted, token, service.accounts, service.default_account_id)
        reply = reply_of(wanted, account, decide_recipient(wanted, account), media=media, now_ms=now_ms)
    # How a default is spelled tells no two bodies apart.
    body = _encode(msgspec.structs.replace(wanted, markdown=True if reply.markdown else UNSET))
    turn_key = None if wanted.turn is UNSET else wanted.turn
    due_ms = decide_time(wanted, now_ms=now_ms)
    call = submit(keys=service.keys, reply=reply, body=body, idempotency=key, due_ms=due_ms, turn_key=turn_key)
    outcome = submitted_of(await service.commit.call(call))
    request.state.facts = {
        "message": outcome.message_id,
        "conversation": outcome.conversation,
        "account": outcome.account_id,
        "verdict": outcome.verdict.value,
    }
    return _answer(outcome, answers_turn=turn_key is not None)


def parse_key(header: str | None, token: ApiToken) -> IdempotencyKey | None:
    """The caller's idempotency key. Raises RefusedError(400) for one that is none."""
    if header is None:
        return None
    if not _KEY.fullmatch(header):
        raise RefusedError(Kind.INVALID_KEY, "send 1 to 255 printable ASCII characters, such as a UUID")
    return IdempotencyKey(token=token.name, key=header)


def decide_account(
    wanted: SendRequest, token: ApiToken, accounts: dict[str, Account], default_id: str | None
) -> Account:
    """The account that sends: the one named, else the token's only one, else the default.

    Raises RefusedError: 400 for one that does not exist, 403 for another's, 409 for one that is off.
    """
    own = token.accounts or frozenset()
    account_id = wanted.account if wanted.account is not UNSET else next(iter(own)) if len(own) == 1 else default_id
    if account_id is None:
        raise RefusedError(Kind.ACCOUNT_UNAVAILABLE, "no account is configured")
    if not token.may_use(account_id):
        raise RefusedError(Kind.ACCOUNT_FORBIDDEN, "name one of the token's accounts")
    account = accounts.get(account_id)
    if account is None:
        raise invalid("/account", "there is no such account")
    if not account.enabled:
        raise RefusedError(Kind.ACCOUNT_UNAVAILABLE, f"account {account.id} is switched off")
    return account


def decide_recipient(wanted: SendRequest, account: Account) -> Address:
    """Whom to text: `to`, else the account's `defaultTo`. Raises RefusedError(400)."""
    if wanted.to is UNSET:
        if account.default_to is None:
            raise invalid("/to", f"expected a phone number: account {account.id} has no defaultTo")
        return account.default_to
    try:
        address = parse_person(wanted.to)
    except ValueError as error:
        raise invalid("/to", str(error)) from None
    if address != wanted.to:
        raise invalid("/to", "expected a phone number in E.164 form such as +15551234567, without anything else")
    return address


def decide_media(wanted: SendRequest, *, loopback: bool) -> tuple[str, ...]:
    """The media to send along. Raises RefusedError(400)."""
    if wanted.media is UNSET:
        return ()
    try:
        return check_media(wanted.media, loopback=loopback)
    except BadMediaError as error:
        raise invalid("/media" if error.index is None else f"/media/{error.index}", str(error)) from None


def decide_time(wanted: SendRequest, *, now_ms: int) -> int | None:
    """When it is to leave, in ms; None: at once. Raises RefusedError(400). A time in the past is told apart from a
    repetition by `submit`."""
    if wanted.send_at is UNSET:
        return None
    try:
        return check_send_at(wanted.send_at, now_ms=now_ms)
    except ValueError as error:
        raise invalid("/sendAt", str(error)) from None


def reply_of(wanted: SendRequest, account: Account, to: Address, *, media: tuple[str, ...] = (), now_ms: int) -> Reply:
    """The message as the format lane holds it."""
    conversation = conversation_id(account.id, to)
    texts = (wanted.text,) if wanted.text is not UNSET else wanted.texts
    return Reply(
        reply_id=f"{conversation}-api-{secrets.token_hex(8)}",
        account_id=account.id,
        conversation=conversation,
        to=to,
        texts=texts if texts is not UNSET else (),
        origin=Origin.API,
        created_ms=now_ms,
        markdown=wanted.markdown is True,
        media=media,
        validity_s=None if wanted.validity_seconds is UNSET else wanted.validity_seconds,
    )


def _answer(outcome: Submitted, *, answers_turn: bool) -> Response:
    match outcome.verdict:
        case SubmitVerdict.CONFLICT if answers_turn:
            raise RefusedError(Kind.TURN_ANSWERED, "a turn takes one answer; leave turn out to say more")
        case SubmitVerdict.CONFLICT:
            raise RefusedError(Kind.KEY_REUSED, "use a new key for a new message, and the same body for a repetition")
        case SubmitVerdict.PAST:
            raise invalid("/sendAt", PAST)
        case SubmitVerdict.OPTED_OUT:
            raise RefusedError(Kind.OPTED_OUT, "they must text START first")
        case SubmitVerdict.TURN_UNKNOWN:
            raise unknown_turn()
        case SubmitVerdict.TURN_CLOSED:
            raise RefusedError(Kind.TURN_ANSWERED, "it was answered at once, or given up")
        case SubmitVerdict.QUEUED | SubmitVerdict.REPLAYED:
            shown = links(outcome.message_id, outcome.conversation)
    document = Accepted(
        id=outcome.message_id,
        conversation=outcome.conversation,
        account=outcome.account_id,
        status=MessageStatus.QUEUED if outcome.due_ms is None else MessageStatus.SCHEDULED,
        created_at=moment(outcome.created_ms),
        scheduled_at=maybe_moment(outcome.due_ms),
        paused=outcome.paused,
        links=shown,
    )
    headers = {"location": shown.self}
    if outcome.verdict is SubmitVerdict.REPLAYED:
        headers["idempotent-replayed"] = "true"
    return json_response(document, status=202, headers=headers)


_encode = msgspec.json.Encoder().encode
