"""Attachments both ways: those of inbound messages are served as by Twilio, those of outbound ones are fetched.

Twilio's API wants the account's credentials and redirects to the content network, which wants none and refuses a
request that brings some. Reached through the loopback base, that network is a path of the sandbox. Outbound media are
fetched from this machine only: of any other URL the sandbox knows no more than that it was sent.
Source: twilio.com/docs/messaging/api/media-resource; that the network is `*.twiliocdn.com` is seen in the field.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import aiohttp
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from yarl import URL

from sandbox.config import SandboxAccount
from sandbox.door import guard, refusal, spoil, take_fault
from sandbox.faults import Answer, Operation, Subject
from sandbox.journal import EventKind
from sandbox.loopback import is_loopback_url
from sandbox.message import API_VERSION, Media, Message, new_sid
from sandbox.state import SandboxState
from sandbox.twilio_errors import not_found

CDN_HOST = "mms.twiliocdn.com"

FETCH_LIMIT_S = 15.0
PIECE_BYTES = 1024

_AGENT = {"User-Agent": "TwilioProxy/1.1"}

MEDIA_FAILED = 11200
"""Twilio's code for a URL that it could not fetch."""


class MediaApi:
    """The routes of one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Twilio's API and its content network."""
        path = f"/{API_VERSION}/Accounts/{{account_sid}}/Messages/{{sid}}/Media/{{media_sid}}"
        return [
            Route(path, guard(self._state, self.redirect), methods=["GET"]),
            Route("/cdn/{account_sid}/{sid}/{key}", self.content, methods=["GET"]),
        ]

    async def redirect(self, request: Request, account: SandboxAccount) -> Response:
        """GET an attachment of an inbound message: the way to it."""
        message = self._state.find(request.path_params["sid"])
        if message is None or message.account_sid != account.account_sid:
            return refusal(not_found(request.url.path))
        media = next((each for each in message.media if each.sid == request.path_params["media_sid"]), None)
        if media is None:
            return refusal(not_found(request.url.path))
        to = f"https://{CDN_HOST}/cdn/{message.account_sid}/{message.sid}/{_key(media)}"
        fault = take_fault(self._state, Subject(operation=Operation.MEDIA, from_=message.from_ or ""))
        if fault is None:
            return RedirectResponse(to, status_code=307)
        return await spoil(self._state, request, fault, usual=RedirectResponse(fault.location or to, status_code=307))

    async def content(self, request: Request) -> Response:
        """GET the file itself. Its address is the only key."""
        message = self._state.find(request.path_params["sid"])
        found = [each for each in message.media if _key(each) == request.path_params["key"]] if message else []
        if request.headers.get("x-original-host") != CDN_HOST or not found:
            return Response("AccessDenied", status_code=403)
        if "authorization" in request.headers:
            return Response("InvalidArgument: Only one auth mechanism allowed", status_code=400)
        usual = Response(found[0].content, media_type=found[0].content_type)
        sender = message.from_ if message else ""
        fault = take_fault(self._state, Subject(operation=Operation.MEDIA_CONTENT, from_=sender or ""))
        if fault is None:
            return usual
        if fault.location:
            return RedirectResponse(fault.location, status_code=307)
        if fault.trickle_s is not None and fault.answer is Answer.USUAL:
            return StreamingResponse(self._trickle(found[0], fault.trickle_s), media_type=found[0].content_type)
        return await spoil(self._state, request, fault, usual=usual)

    async def _trickle(self, media: Media, pause_s: float) -> AsyncIterator[bytes]:
        step = 1 if pause_s else PIECE_BYTES
        for start in range(0, len(media.content), step):
            if pause_s:
                await self._state.pause(pause_s)
            yield media.content[start : start + step]


async def fetch_media(state: SandboxState, message: Message) -> bool:
    """Fetch what an outbound message carries; False if something of this machine could not be had."""
    urls = [url for url in message.media_urls if is_loopback_url(url)]
    if not urls:
        return True
    timeout = aiohttp.ClientTimeout(total=FETCH_LIMIT_S)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        found = await asyncio.gather(*(_fetch(session, url) for url in urls))
    message.fetched_media = tuple(media for media in found if media is not None)
    if len(message.fetched_media) == len(urls):
        return True
    state.note(EventKind.STATUS, message, note="a media URL could not be fetched")
    return False


async def _fetch(session: aiohttp.ClientSession, url: str) -> Media | None:
    try:
        async with session.get(URL(url, encoded=True), headers=_AGENT, allow_redirects=False) as answer:
            content = await answer.read()
            if answer.status != 200:
                return None
            return Media(sid=new_sid("ME"), content_type=answer.content_type, content=content)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


def _key(media: Media) -> str:
    return hashlib.sha256(media.sid.encode()).hexdigest()
