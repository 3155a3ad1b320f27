"""The webhook of one account: read, check the signature, admit, answer. A raw ASGI app, for speed.

Answers (all TwiML, none with internal detail): 200 stored or a repetition; 400 malformed; 403 bad signature or not
for this account; 405 not POST; 408 too slow; 413 too large; 503 Redis could not confirm, so Twilio's retry or
fallback takes over. The signature is always checked before anything touches Redis.
"""

import asyncio
import time

from starlette.types import Receive, Scope, Send

from ingress.callbacks import record_callback
from ingress.form import Form, first_values, parse_form
from ingress.inbound import check_addressee, decide_keyword, is_status_callback, parse_text
from ingress.signature import is_genuine, url_as_signed
from shared.admission import Gate, Keyword, Verdict, admit, verdict_of
from shared.errors import RejectedError, TransientError
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.logs import logger
from shared.records import InboundText
from shared.settings import Account

MAX_BODY_BYTES = 32 * 1024
MAX_BODY_S = 5.0
_TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'

log = logger(__name__)


class Webhook:
    """The ASGI app behind one account's `webhookPath`."""

    def __init__(self, *, account: Account, gate: Gate, keys: Keys, commit: GroupCommit) -> None:
        self.account = account
        self._gate = gate
        self._keys = keys
        self._commit = commit
        self._tokens = tuple(secret.reveal() for secret in account.signing_tokens)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] != "POST":
                raise RejectedError("not a POST", status=405)
            headers = dict(scope["headers"])
            body = await _read_body(headers, receive)
            form = parse_form(body, headers.get(b"content-type", b"").decode("latin-1"))
            self._check_signature(scope, headers, form)
            await self._handle(scope, form)
            status = 200
        except RejectedError as error:
            status = error.status
            log.warning("webhook_rejected", account=self.account.id, status=status, reason=str(error))
        except TransientError as error:
            status = 503
            log.error("webhook_not_stored", account=self.account.id, status=status, reason=str(error))
        except ClientGone:
            return
        await _answer(send, status)

    def _check_signature(self, scope: Scope, headers: dict[bytes, bytes], form: Form) -> None:
        if self.account.dangerously_disable_signature_validation:
            return
        given = headers.get(b"x-twilio-signature", b"").decode("latin-1")
        url = url_as_signed(self.account.signed_url or "", scope["query_string"].decode("latin-1"))
        if not given:
            raise RejectedError("no signature", status=403)
        if not is_genuine(given=given, tokens=self._tokens, url=url, form=form):
            raise RejectedError("bad signature", status=403)

    async def _handle(self, scope: Scope, form: Form) -> None:
        fields = first_values(form)
        if is_status_callback(fields):
            await record_callback(
                fields, scope["query_string"], account=self.account, keys=self._keys, commit=self._commit
            )
            return
        check_addressee(fields, self.account)
        now_ms = time.time_ns() // 1_000_000
        text = parse_text(fields, self.account.id, now_ms)
        verdict = await self._admit(text, decide_keyword(fields), now_ms)
        log.info(
            "text_admitted" if verdict is Verdict.ACCEPTED else "text_held",
            verdict=verdict.value,
            message_sid=text.message_sid,
            conversation=text.conversation,
            account=self.account.id,
            duration_ms=time.time_ns() // 1_000_000 - now_ms,
        )

    async def _admit(self, text: InboundText, keyword: Keyword, now_ms: int) -> Verdict:
        listed = self.account.allow_all or text.sender in self.account.allow_from
        while True:
            call = admit(keys=self._keys, gate=self._gate, text=text, listed=listed, keyword=keyword, now_ms=now_ms)
            verdict = verdict_of(await self._commit.call(call))
            if verdict is not Verdict.CODE_TAKEN:
                return verdict


class ClientGone(Exception):  # noqa: N818 - nobody is left to answer
    """The client hung up before its body was complete."""


async def _read_body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        raise RejectedError("the body is too large", status=413)
    try:
        async with asyncio.timeout(MAX_BODY_S):
            return await _collect(receive)
    except TimeoutError as error:
        raise RejectedError("the body took too long", status=408) from error


async def _collect(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RejectedError("the body is too large", status=413)
        if not message.get("more_body", False):
            return body


async def _answer(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/xml"), (b"content-length", str(len(_TWIML)).encode())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status in (408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": _TWIML})
