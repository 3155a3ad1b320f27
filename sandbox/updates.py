"""Reads an update request and makes the changed resource, as Twilio would. Pure.

What a request does not name stays; an empty value clears. A URL that is none is refused, and so is a method that is
neither GET nor POST. A parameter that the sandbox does not keep is accepted and forgotten.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from sandbox.config import SandboxApplication, SandboxNumber, SandboxService
from sandbox.loopback import is_web_url
from sandbox.twilio_errors import TwilioError, refuse

_SMS = {
    "SmsUrl": "sms_url",
    "SmsMethod": "sms_method",
    "SmsFallbackUrl": "sms_fallback_url",
    "SmsFallbackMethod": "sms_fallback_method",
    "VoiceUrl": "voice_url",
}
FIELDS: dict[type, dict[str, str]] = {
    SandboxNumber: {**_SMS, "SmsApplicationSid": "sms_application_sid"},
    SandboxApplication: {**_SMS, "FriendlyName": "friendly_name"},
    SandboxService: {
        "FriendlyName": "friendly_name",
        "InboundRequestUrl": "inbound_request_url",
        "InboundMethod": "inbound_method",
        "FallbackUrl": "fallback_url",
        "FallbackMethod": "fallback_method",
        "StatusCallback": "status_callback",
        "SmartEncoding": "smart_encoding",
        "UseInboundWebhookOnNumber": "use_inbound_webhook_on_number",
    },
}
"""Parameter of a request -> attribute, per resource."""

Resource = TypeVar("Resource", SandboxNumber, SandboxApplication, SandboxService)


def decide_update(resource: Resource, form: Mapping[str, str]) -> Resource | TwilioError:
    """The resource as the form leaves it."""
    changes: dict[str, Any] = {}
    for name, attribute in FIELDS[type(resource)].items():
        if name not in form:
            continue
        value = form[name]
        if name.endswith(("Url", "Callback")) and value and not is_web_url(value):
            return refuse(21402 if name == "VoiceUrl" else 21502, f"{name} is not a valid URL: {value}")
        if name.endswith("Method") and value not in {"GET", "POST"}:
            return refuse(21403, f"{name} is not a valid method: {value}")
        is_flag = isinstance(getattr(resource, attribute), bool)
        changes[attribute] = value.lower() == "true" if is_flag else value
    return msgspec.structs.replace(resource, **changes)
