"""Twilio's API through the official SDK: the only module that imports it.

The SDK's transport is replaced by one that tells apart what the SDK does not: a connection that was never made
(nothing was sent) and one that broke later (it may have been). Nothing here retries: a repeated POST is a doubled
text, and whether to try again is decided from the journal.
"""

import asyncio
import contextvars
import json
import logging
import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from shared.elapsed import elapsed_s
from shared.errors import AccountError, OutcomeUnknownError, PermanentError, TextgateError, TransientError
from shared.fault_points import FaultPoint, is_armed, reach
from shared.metrics import TWILIO_ERRORS, code_of_answer
from shared.outbox import Status
from shared.phone import mask_numbers
from shared.records import Part
from shared.settings import Account
from shared.status_callback import callback_url
from shared.twilio_codes import ErrorClass, classify
from workers.http_connection import Answer, BrokenOffError, Connection, NotConnectedError
from workers.http_pool import Origin, Pool
from workers.http_wire import basic_auth, encode_form, encode_request, place_of, text_of, with_query
from workers.messages_api import MessageEnd, SentMessage

CONNECT_S = 5.0

CONNECTED_WITHIN_S = 6.0
"""From `send` to the first byte: whoever takes longer was frozen, and another may have sent the part meanwhile."""

NONSENSE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What the SDK raises over an answer that is not what it expects: cut off, or a proxy's page. It may be sent."""

_STATUSES = {status.value: status for status in Status}
_Answer = TypeVar("_Answer")

_conversation: contextvars.ContextVar[str] = contextvars.ContextVar("conversation", default="")
_post_by: contextvars.ContextVar[float] = contextvars.ContextVar("post_by", default=math.inf)
"""By `elapsed_s`."""
_retry_after_s: contextvars.ContextVar[float | None] = contextvars.ContextVar("retry_after_s", default=None)


class Transport(AsyncHttpClient):
    """The SDK's HTTP client over kept connections of our own, which cost a fraction of a general client's.

    With `api_base` every Twilio host is replaced by that one; the path stays, and the original host travels in
    `X-Original-Host`. That is for a stand-in on this machine and is refused for any other address (settings).
    """

    def __init__(self, api_base: str | None, *, timeout_s: float) -> None:
        super().__init__(logging.getLogger("twilio"), True, None)
        self._api_base = None if api_base is None else place_of(api_base)
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(connect_s=min(CONNECT_S, timeout_s))

    async def request(  # type: ignore[override]  # the SDK types it as synchronous
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the limits of all requests count
        allow_redirects: bool = False,  # noqa: ARG002 - none is followed: the credentials are for Twilio
    ) -> Response:
        """Raises TransientError or PermanentError if nothing was sent, OutcomeUnknownError if something may be."""
        try:
            origin, request = self._encode(method, url, params, data, headers, auth)
        except ValueError as error:
            raise PermanentError(
                f"no request can be made of it: {error}", code="no-request", hint="look at the number, text and account"
            ) from error
        by = self._loop.time() + self._timeout_s
        try:
            connection = await self._pool.take(origin, limit_s=self._timeout_s)
            try:
                answer = await self._exchange(connection, method, request, by - self._loop.time())
            finally:
                self._pool.give_back(origin, connection)
        except NotConnectedError as error:
            TWILIO_ERRORS.inc("answer", "unreachable")
            raise TransientError(f"Twilio cannot be reached: {error}", code="unreachable") from error
        except BrokenOffError as error:
            TWILIO_ERRORS.inc("answer", "no-answer")
            raise OutcomeUnknownError(f"no answer from Twilio: {error}") from error
        _retry_after_s.set(_seconds(answer.headers.get("retry-after")))
        return Response(answer.status, text_of(answer), answer.headers)

    def _encode(
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None,
        data: dict[str, Any] | None,
        headers: dict[str, str] | None,
        auth: tuple[str, str] | None,
    ) -> tuple[Origin, bytes]:
        """Whom to ask, and the whole request. Raises ValueError for what HTTP cannot carry."""
        place = place_of(url)
        headers = dict(headers or {})
        if auth is not None:
            headers["Authorization"] = basic_auth(*auth)
        if self._api_base is not None:
            headers["X-Original-Host"] = place.host
        there = place if self._api_base is None else self._api_base
        target = with_query(place.target, params)
        return there.origin, encode_request(method, there.host, target, headers, encode_form(data))

    @staticmethod
    async def _exchange(connection: Connection, method: str, request: bytes, limit_s: float) -> Answer:
        """Send, but look at the clock once more now that the connection stands, right before the first byte.

        Waiting for a connection and making one takes longest, so a worker that freezes most likely freezes there; and
        what it sends when it wakes would be a second copy.
        """
        if method == "POST":
            reach(FaultPoint.CONNECTED, _conversation.get())
        if limit_s <= 0 or (method == "POST" and elapsed_s() > _post_by.get()):
            raise TransientError("the connection was there too late to post", code="too-late")
        answer = connection.send(request, limit_s=limit_s)
        if method == "POST" and is_armed(FaultPoint.AFTER_REQUEST):
            # uvloop sends the bytes at the end of this turn at the latest; some turns more, and the answer might be
            # there and settled.
            await asyncio.sleep(0)
            reach(FaultPoint.AFTER_REQUEST, _conversation.get())
        return await answer

    async def close(self) -> None:
        await self._pool.close()


class TwilioApi:
    """Sends, looks up and asks for all accounts. Make it inside the running loop; close it."""

    def __init__(self, api_base: str | None = None, *, timeout_s: float = 15.0) -> None:
        self._transport = Transport(api_base, timeout_s=timeout_s)
        self._clients: dict[str, tuple[Account, Client]] = {}

    async def send(self, account: Account, part: Part) -> SentMessage:
        """Post one part. Raises TransientError, PermanentError, AccountError or OutcomeUnknownError."""
        callback = account.public_webhook_url and callback_url(account.public_webhook_url, part.part_id)
        by = account.sender_to(part.to)
        sender = {"from_": by.number} if by.number else {"messaging_service_sid": by.service_sid}
        messages = self._client(account).messages
        _conversation.set(part.conversation)
        _post_by.set(elapsed_s() + CONNECTED_WITHIN_S)
        try:
            message = await messages.create_async(
                to=part.to, body=part.body, status_callback=callback or None, **sender, **_options(account, part)
            )
            return _sent(message)
        except TwilioException as error:
            raise as_our_error(error) from error
        except NONSENSE as error:
            raise OutcomeUnknownError(f"Twilio's answer cannot be read: {type(error).__name__}") from error

    async def list_sent(self, account: Account, to: str, since: datetime, limit: int = 200) -> list[SentMessage]:
        """Messages to this person since then, newest first.

        The list is asked by recipient only: Twilio's `DateSent` filter hides messages that are still queued, so the
        time is compared here. Raises as `send`.
        """
        found: list[SentMessage] = []
        try:
            async for message in await self._client(account).messages.stream_async(to=to, limit=limit):
                sent = _sent(message)
                if sent.created is not None and sent.created < since:
                    break
                if str(message.direction).startswith("outbound"):
                    found.append(sent)
        except TwilioException as error:
            raise as_our_error(error) from error
        except NONSENSE as error:
            raise OutcomeUnknownError(f"Twilio's list cannot be read: {type(error).__name__}") from error
        return found

    async def ask(self, account: Account, question: Callable[[Any], Awaitable[_Answer]]) -> _Answer:
        """What `question` makes of the SDK's client with this account's credentials. Raises as `send`."""
        try:
            return await question(self._client(account))
        except TwilioException as error:
            raise as_our_error(error) from error
        except NONSENSE as error:
            raise OutcomeUnknownError(f"Twilio's answer cannot be read: {type(error).__name__}") from error

    async def fetch(self, account: Account, sid: str) -> MessageEnd | None:
        """How far this message has come; None if Twilio does not know it (any more). Raises as `send`."""
        try:
            message = await self._client(account).messages(sid).fetch_async()
            return _end(message)
        except TwilioException as error:
            if isinstance(error, TwilioRestException) and error.status == 404:
                return None
            raise as_our_error(error) from error
        except NONSENSE as error:
            raise OutcomeUnknownError(f"Twilio's answer cannot be read: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def _client(self, account: Account) -> Client:
        known = self._clients.get(account.id)
        if known is not None and known[0] is account:
            return known[1]
        credentials = account.rest_credentials
        if credentials is None:
            raise AccountError("the account has no credentials", code="no-credentials", hint="set authToken")
        user, secret = credentials
        client = Client(  # type: ignore[no-untyped-call]
            user, secret.reveal(), account.account_sid, http_client=self._transport
        )
        self._clients[account.id] = (account, client)
        return client


def _options(account: Account, part: Part) -> dict[str, Any]:
    """What only some messages carry."""
    validity_s = account.validity_s if part.validity_s is None else part.validity_s
    media = {"media_url": list(part.media)} if part.media else {}
    return media if validity_s is None else {**media, "validity_period": validity_s}


def as_our_error(error: TwilioException) -> TextgateError:
    """The SDK's exception as one of ours; never its own text, which holds terminal colours."""
    refusal = _refusal(error)
    if refusal is None:
        return OutcomeUnknownError(f"the SDK failed: {type(error).__name__}")
    status, code, words = refusal
    info = classify(status, code)
    TWILIO_ERRORS.inc("answer", code_of_answer(status, code))
    said = mask_numbers(words)
    message = f"{info.meaning} (HTTP {status}, code {code or 'none'}: {said})"
    label = f"twilio-{code or status}"
    match info.error_class:
        case ErrorClass.TRANSIENT:
            asked = _retry_after_s.get()
            return TransientError(message, code=label, retry_after_s=max(asked or 0.0, info.wait_s) or None)
        case ErrorClass.PERMANENT:
            return PermanentError(message, code=label, hint=info.hint)
        case ErrorClass.ACCOUNT:
            return AccountError(message, code=label, hint=info.hint)
        case ErrorClass.UNKNOWN:
            return OutcomeUnknownError(message)


def _refusal(error: TwilioException) -> tuple[int, int | None, str] | None:
    """HTTP status, Twilio's code and words; None if Twilio has not answered."""
    if isinstance(error, (TwilioRestException, TwilioServiceException)):
        words = getattr(error, "msg", None) or getattr(error, "title", "") or ""
        return int(error.status), _code(getattr(error, "code", None)), str(words)
    # A refused list is thrown with the answer itself, not with an error made from it.
    answer = next((each for each in error.args if isinstance(each, Response)), None)
    if answer is None or answer.status_code < 400:  # a list that was given, and cannot be read
        return None
    try:
        body = json.loads(answer.text)
    except (ValueError, RecursionError):
        body = None
    said = body if isinstance(body, dict) else {}
    return int(answer.status_code), _code(said.get("code")), str(said.get("message", ""))


def _code(found: Any) -> int | None:
    return found if isinstance(found, int) else None


def _end(message: Any) -> MessageEnd:
    return MessageEnd(status=_sent(message).status, error_code=_code(message.error_code), to=str(message.to or ""))


def _sent(message: Any) -> SentMessage:
    if not message.sid:
        raise OutcomeUnknownError("Twilio's answer names no message")
    return SentMessage(
        sid=str(message.sid),
        status=_STATUSES.get(message.status, Status.ACCEPTED),
        body=str(message.body or ""),
        sender=message.from_,
        messaging_service_sid=message.messaging_service_sid,
        created=message.date_created,
    )


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in seconds; its date form is not used by Twilio and counts as absent."""
    return min(float(header), 3600.0) if header and header.isascii() and header.isdigit() else None
