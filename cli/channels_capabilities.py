"""What the SMS channel can do as of now, as a value: said from the code's own constants wherever there is one. Pure.

`false` means: not built, or not possible with SMS; nothing is promised here that a text would not get.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.admission_words import PAIRING_TTL_MS, new_code
from shared.media_urls import MAX_MEDIA
from shared.outbox import FINAL, Status
from shared.settings_channels import AccountSection, DmPolicy
from workers.text.parts import MAX_BODY

_DEFAULTS = AccountSection()

CAPABILITIES: dict[str, Any] = {
    "channel": "sms",
    "provider": "twilio",
    "chatTypes": {"direct": True, "group": False, "threads": False},
    "media": {
        "inbound": True,
        "outbound": True,
        "maxPerText": MAX_MEDIA,
        "maxMb": {"inbound": _DEFAULTS.media_max_mb, "key": "mediaMaxMb"},
        "note": "in: fetched for the agent; out: by public URL, or files of the agent's, hosted on the webhook's path",
    },
    "text": {
        "chunkLimit": {"default": _DEFAULTS.text_chunk_limit, "max": MAX_BODY, "key": "textChunkLimit"},
        "markdown": "converted to plain text: links as label (URL), a table as a short record per row",
        "encodings": ["GSM-7", "UCS-2"],
        "smartEncoding": _DEFAULTS.smart_encoding,
        "reactions": False,
        "edit": False,
        "typing": False,
    },
    "delivery": {
        "states": [status.value for status in Status],
        "final": [status.value for status in Status if status in FINAL],
        "effectivelyOnce": True,
        "inOrder": True,
    },
    "pairing": {
        "supported": True,
        "codeLength": len(new_code()),
        "validSeconds": PAIRING_TTL_MS // 1000,
        "maxPending": _DEFAULTS.pairing_max_pending,
        "notify": True,
    },
    "policies": [policy.value for policy in DmPolicy],
    "senders": ["fromNumber", "messagingServiceSid"],
    "optOut": {"keywords": ["STOP", "START", "HELP"], "answeredBy": "twilio"},
    "accounts": {"several": True, "webhookPathEach": True},
}


def describe(capabilities: Mapping[str, Any]) -> Iterator[str]:
    """Lines for people."""
    for name, value in capabilities.items():
        if isinstance(value, Mapping):
            yield f"{name}:"
            for inner, said in value.items():
                yield f"  {inner}: {_words(said)}"
        else:
            yield f"{name}: {_words(value)}"


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(said)}" for name, said in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
