"""Signed webhooks, each with a MessageSid of its own: never the same request twice."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from enum import StrEnum
from urllib.parse import quote_plus

import msgspec

from shared.status_callback import signed_callback_url

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "bench-auth-token-0123456789abcdef"  # noqa: S105 - signs only what this bench posts to itself
NUMBER = "+15550100200"


class Shape(StrEnum):
    """How Twilio posts: the classic form, or the JSON events of Conversation Orchestrator."""

    FORM = "form"
    JSON = "json"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where the webhooks go."""

    port: int
    path: str
    shape: Shape = Shape.FORM
    senders: int = 1000
    public_url: str = ""
    """What is signed, if that is not the address itself."""

    @property
    def url(self) -> str:
        return self.public_url or f"http://127.0.0.1:{self.port}{self.path}"


def message_sid(index: int) -> str:
    """The SID of the webhook number `index`."""
    return f"SM{index:032x}"


def requests(target: Target, first: int, count: int) -> Iterator[bytes]:
    """`count` HTTP/1.1 requests, ready for the socket."""
    for index in range(first, first + count):
        path, headers, body = (_form if target.shape is Shape.FORM else _json)(target, index)
        yield (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nUser-Agent: TwilioProxy/1.1\r\n"
            f"Accept: */*\r\nI-Twilio-Idempotency-Token: {message_sid(index)}\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def callback(target: Target, sid: str, part_id: str) -> bytes:
    """Twilio's news that a part was delivered."""
    fields = {
        "SmsSid": sid,
        "SmsStatus": "delivered",
        "MessageStatus": "delivered",
        "To": "+15552000000",
        "MessageSid": sid,
        "AccountSid": ACCOUNT_SID,
        "From": NUMBER,
        "ApiVersion": "2010-04-01",
        "RawDlrDoneDate": "2611211200",
    }
    path = target.path + signed_callback_url("", part_id)
    url = signed_callback_url(target.url, part_id)
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()).encode()
    signature = _signature(url + "".join(name + fields[name] for name in sorted(fields)))
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nUser-Agent: TwilioProxy/1.1\r\n{signature}"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _sender(target: Target, index: int) -> str:
    return f"+1555{2_000_000 + index % target.senders}"


def _form(target: Target, index: int) -> tuple[str, str, bytes]:
    sid = message_sid(index)
    fields = {
        "ToCountry": "US",
        "ToState": "CA",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "ToCity": "SAN FRANCISCO",
        "FromZip": "20001",
        "SmsSid": sid,
        "FromState": "DC",
        "SmsStatus": "received",
        "FromCity": "WASHINGTON",
        "Body": f"What is the weather like tomorrow? {index}",
        "FromCountry": "US",
        "To": NUMBER,
        "ToZip": "94103",
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": ACCOUNT_SID,
        "From": _sender(target, index),
        "ApiVersion": "2010-04-01",
    }
    signed = target.url + "".join(name + fields[name] for name in sorted(fields))
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()).encode()
    return target.path, f"{_signature(signed)}Content-Type: application/x-www-form-urlencoded\r\n", body


def _json(target: Target, index: int) -> tuple[str, str, bytes]:
    event = {
        "eventType": "COMMUNICATION_CREATED",
        "timestamp": "2026-11-21T12:00:00Z",
        "data": {
            "id": f"comms_communication_{index:026x}",
            "conversationId": f"conv_conversation_{index % target.senders:026x}",
            "accountId": ACCOUNT_SID,
            "serviceId": "conv_configuration_00000000000000000000000001",
            "author": {"address": NUMBER, "channel": "SMS", "participantId": "conv_participant_0000000000001"},
            "content": {"type": "TEXT", "text": f"What is the weather like tomorrow? {index}"},
            "recipients": [
                {"address": _sender(target, index), "channel": "SMS", "participantId": "conv_participant_0000000000002"}
            ],
            "channelId": message_sid(index),
            "createdAt": "2026-11-21T12:00:00Z",
            "updatedAt": "2026-11-21T12:00:00Z",
        },
    }
    body = json.dumps(event).encode()
    path = f"{target.path}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signed = f"http://127.0.0.1:{target.port}{path}"
    return path, f"{_signature(signed)}Content-Type: application/json\r\n", body


def _signature(signed: str) -> str:
    mac = hmac.new(AUTH_TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
    return f"X-Twilio-Signature: {base64.b64encode(mac).decode()}\r\n"
