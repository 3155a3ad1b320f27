"""A phone texts a number: the message comes into being, and the number's webhook is posted, signed as by Twilio.

The Messaging Service of the number decides where it goes unless it defers to the number. When the webhook fails for
good, the fallback URL is called, and an alert is raised. STOP and START are obeyed as Twilio obeys them: the webhook is
posted all the same.
Source: twilio.com/docs/messaging/guides/webhook-request, twilio.com/docs/messaging/tutorials/advanced-opt-out.
"""

from msgspec import Struct

from sandbox.alerts import raise_alert
from sandbox.config import SandboxApplication, SandboxNumber, SandboxService
from sandbox.journal import EventKind
from sandbox.message import Direction, Media, Message, Status, StatusChange, new_sid
from sandbox.posts import PostResult
from sandbox.segments import count_segments
from sandbox.state import SandboxState, person_of
from sandbox.webhooks import inbound_form

_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
_START = frozenset({"START", "YES", "UNSTOP"})
_HELP = frozenset({"HELP", "INFO"})


class Target(Struct, frozen=True, kw_only=True):
    """Where an inbound text is posted. An empty URL: nowhere."""

    url: str
    method: str
    fallback_url: str


def receive(state: SandboxState, number: SandboxNumber, *, from_: str, body: str, media: tuple[Media, ...]) -> Message:
    """Bring an inbound message into being, and obey it if it is STOP or START."""
    now = state.now()
    service = state.directory.service_of(number.account_sid, number.number)
    message = Message(
        seq=state.next_seq(),
        sid=new_sid("MM" if media else "SM"),
        account_sid=number.account_sid,
        direction=Direction.INBOUND,
        from_=from_,
        to=number.number,
        body=body,
        posted_body=body,
        num_segments=count_segments(body),
        status=Status.RECEIVED,
        created_at=now,
        updated_at=now,
        sent_at=now,
        listed_at=now + state.config.list_lag_s,
        messaging_service_sid=service.sid if service else None,
        media=media,
        idempotency_token=new_sid(""),
        history=[StatusChange(status=Status.RECEIVED, at=now)],
    )
    _obey(state, message)
    state.keep(message)
    return message


async def post_webhook(state: SandboxState, message: Message) -> list[PostResult]:
    """Post the webhook of an inbound message, and the fallback if that fails. Nothing if no URL is configured."""
    number = state.directory.number(message.account_sid, message.to)
    service = state.directory.service_of(message.account_sid, message.to)
    if number is None:
        return []
    application = state.directory.application(number.account_sid, number.sms_application_sid)
    target = decide_target(number, service, application)
    results: list[PostResult] = []
    if target.url:
        results.append(await _post(state, message, service, target.url, target.method))
    if target.fallback_url and results and not results[0].good:
        error = [("ErrorCode", str(results[0].error_code or 11200)), ("ErrorUrl", target.url.partition("#")[0])]
        results.append(await _post(state, message, service, target.fallback_url, target.method, error))
    return results


def decide_target(
    number: SandboxNumber, service: SandboxService | None, application: SandboxApplication | None = None
) -> Target:
    """The Messaging Service's webhook, unless it defers to its numbers; then the application's, if there is one.

    A service without a webhook takes no texts. Source: twilio.com/docs/messaging/api/service-resource.
    """
    if service is not None and not service.use_inbound_webhook_on_number:
        return Target(url=service.inbound_request_url, method=service.inbound_method, fallback_url=service.fallback_url)
    if application is not None:
        return Target(url=application.sms_url, method=application.sms_method, fallback_url=application.sms_fallback_url)
    return Target(url=number.sms_url, method=number.sms_method, fallback_url=number.sms_fallback_url)


def decide_opt_out_type(body: str) -> str:
    """STOP, START or HELP if the body is exactly such a keyword, else nothing."""
    word = body.strip().upper()
    if word in _STOP:
        return "STOP"
    if word in _START:
        return "START"
    return "HELP" if word in _HELP else ""


def _obey(state: SandboxState, message: Message) -> None:
    if not state.directory.accounts[message.account_sid].stop_filtering:
        return
    pair = (message.messaging_service_sid or message.to, person_of(message.from_ or ""))
    match decide_opt_out_type(message.body):
        case "STOP":
            state.opt_outs.add(pair)
        case "START":
            state.opt_outs.discard(pair)
        case _:
            pass


async def _post(
    state: SandboxState,
    message: Message,
    service: SandboxService | None,
    url: str,
    method: str,
    more: list[tuple[str, str]] | None = None,
) -> PostResult:
    advanced = service is not None and service.advanced_opt_out
    form = inbound_form(message, opt_out_type=decide_opt_out_type(message.body) if advanced else "")
    result = await state.poster.post(
        url,
        [*form, *(more or [])],
        auth_token=state.directory.accounts[message.account_sid].auth_token,
        idempotency_token=message.idempotency_token,
        method=method,
    )
    message.webhooks.append(result)
    if result.error_code is not None:
        raise_alert(state, message, error_code=result.error_code, url=url, method=method)
    state.note(EventKind.WEBHOOK, message, http_status=result.status, note=result.refused)
    return result
