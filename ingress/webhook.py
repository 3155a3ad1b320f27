"""The webhook of one account: read, check the signature, admit, answer. A raw ASGI app, for speed.

Answers (all TwiML, none with internal detail): 200 stored or a repetition; 400 malformed; 403 bad signature or not
for this account; 405 not POST; 408 too slow; 413 too large; 429 too many bad signatures; 503 Redis could not confirm,
so Twilio's retry or fallback takes over; 500 a bug of ours. The signature is always checked before anything touches
Redis, and a request that fails it touches nothing but its client's counter.
"""

import time

from redis.exceptions import RedisError
from starlette.types import Receive, Scope, Send

from ingress.body import MAX_BODY_S, ClientGone, read_body
from ingress.callbacks import record_callback
from ingress.client_address import Network, client_address
from ingress.form import Form, first_values, is_json, parse_form
from ingress.inbound import check_addressee, is_status_callback, parse_text
from ingress.own_looks import OwnLookError, own_look
from ingress.redis_watch import RedisWatch
from ingress.verifier import BadSignatureError, Verifier
from shared.admission import Verdict, commit_text, count_failure
from shared.deadlines import Deadlines
from shared.errors import RejectedError, TransientError
from shared.gate import Gate, is_blocked, is_listed
from shared.group_commit import GroupCommit
from shared.heard import decide_keyword
from shared.keys import Keys
from shared.logs import logger
from shared.metrics import TEXTS, WEBHOOK_S, WEBHOOKS
from shared.route_mark import ROUTE_HEADER, RouteMark
from shared.settings import Account

TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'

EXPLAIN_EVERY_S = 0.2
"""Explaining why a signature does not fit takes up to 10 ms of the event loop, which a forger must not buy at will."""

COUNTED_FROM_THE_START = (200, 403, 500, 503)
"""The answers that alerts are about: their series stand at 0 before the first one."""

_HEADERS = [
    (b"content-type", b"text/xml"),
    (b"content-length", str(len(TWIML)).encode()),
    (ROUTE_HEADER.encode(), RouteMark.WEBHOOK.value.encode()),
]

log = logger(__name__)


class Webhook:
    """The ASGI app behind one account's `webhookPath`."""

    def __init__(
        self,
        *,
        account: Account,
        gate: Gate,
        verifier: Verifier,
        keys: Keys,
        commit: GroupCommit,
        trusted: tuple[Network, ...] = (),
        watch: RedisWatch | None = None,
    ) -> None:
        self.account = account
        self.verifier = verifier
        self._gate = gate
        self._keys = keys
        self._commit = commit
        self._trusted = trusted
        self._watch = watch
        self._deadlines = Deadlines(MAX_BODY_S)
        self._explained_at = float("-inf")
        for status in COUNTED_FROM_THE_START:
            WEBHOOKS.start(account.id, status)
        for verdict in set(Verdict) - {Verdict.MORE_NEEDED}:
            TEXTS.start(account.id, verdict.value)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            await self._handle(scope, receive)
            status = 200
        except RejectedError as error:
            status = error.status
            tell = log.info if isinstance(error, OwnLookError) else log.warning
            tell("webhook_rejected", account=self.account.id, status=status, reason=str(error))
        except (TransientError, RedisError) as error:
            status = 503
            self._tell_503(error)
        except ClientGone:
            return
        except Exception:  # the boundary of what Twilio sees: a bug of ours says nothing, and not in plain text
            status = 500
            log.exception("webhook_failed", account=self.account.id, status=status)
        WEBHOOKS.inc(self.account.id, status)
        WEBHOOK_S.observe(time.perf_counter() - started)
        await _answer(send, status)

    def _tell_503(self, error: TransientError | RedisError) -> None:
        if self._watch is not None and isinstance(error, TransientError) and error.code == "redis-away":
            self._watch.refused(str(error))
            return
        reason = f"{type(error).__name__}: {error}"
        log.error("webhook_not_stored", account=self.account.id, status=503, reason=reason)

    async def _handle(self, scope: Scope, receive: Receive) -> None:
        headers = dict(scope["headers"])
        if scope["method"] != "POST":
            raise own_look(scope["method"], headers, status=405) or RejectedError("not a POST", status=405)
        fields = await self._read_genuine(scope, headers, receive)
        if is_status_callback(fields):
            await record_callback(
                fields, scope["query_string"], account=self.account, keys=self._keys, commit=self._commit
            )
        else:
            await self._take_in(fields)

    async def _read_genuine(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> dict[str, str]:
        """The form's fields."""
        body = await read_body(headers, receive, self._deadlines)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        json_body = body if is_json(content_type) else None
        form = [] if json_body is not None else parse_form(body, content_type)
        fields = first_values(form)
        try:
            self.verifier.check(scope, headers, form=form, fields=fields, json_body=json_body)
        except RejectedError as refused:
            await self._count_failure(scope)
            if not isinstance(refused, BadSignatureError):
                raise
            look = own_look(scope["method"], headers, status=refused.status)
            raise look or RejectedError(self._explain(scope, headers, form), status=refused.status) from None
        if json_body is not None:
            raise RejectedError("genuine, but JSON: set the webhook to form encoding in Twilio", status=400)
        return fields

    def _explain(self, scope: Scope, headers: dict[bytes, bytes], form: Form) -> str:
        now = time.monotonic()
        if now - self._explained_at < EXPLAIN_EVERY_S:
            return "bad signature; too many at once to look into each"
        self._explained_at = now
        return self.verifier.explain(scope, headers, form=form)

    async def _count_failure(self, scope: Scope) -> None:
        """Raises RejectedError(429) past the limit. With Redis away nothing is counted and the 403 stands."""
        limit = self.account.rate_limits.failed_signatures_per_minute
        if not limit:
            return
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        peer = scope.get("client")
        client = client_address(peer[0] if peer else None, forwarded, self._trusted)
        try:
            count = await self._commit.call(count_failure(keys=self._keys, client=client))
        except (TransientError, RedisError):
            return
        if count > limit:
            raise RejectedError("too many bad signatures from this client", status=429)

    async def _take_in(self, fields: dict[str, str]) -> None:
        check_addressee(fields, self.account)
        now_ms = time.time_ns() // 1_000_000
        text = parse_text(fields, self.account.id, now_ms)
        heard = decide_keyword(fields, self.account)
        verdict = await commit_text(
            self._commit.call,
            keys=self._keys,
            gate=self._gate,
            text=text,
            listed=is_listed(self.account, text.sender),
            blocked=is_blocked(self.account, text.sender),
            keyword=heard.keyword,
            cause=heard.cause,
            now_ms=now_ms,
        )
        TEXTS.inc(self.account.id, verdict.value)
        log.info(
            "text_admitted" if verdict is Verdict.ACCEPTED else "text_held",
            stage="ingress",
            outcome=verdict.value,
            message_sid=text.message_sid,
            conversation=text.conversation,
            account=self.account.id,
            duration_ms=time.time_ns() // 1_000_000 - now_ms,
        )


async def _answer(send: Send, status: int) -> None:
    headers = _HEADERS
    if status == 405:
        headers = [*headers, (b"allow", b"POST")]
    elif status in (408, 413):
        headers = [*headers, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": TWIML})
