"""The five answers of `textgate init`, each checked as soon as it is given. Pure functions.

A check gives the answer in its final form or raises `ValueError` with what is expected and where to find it; it never
repeats an auth token.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cli.words import parse_with_plus
from shared.config_rules import check_public_url, check_webhook_path, is_sid
from shared.phone import Address
from shared.secrets import SecretRef
from shared.settings_channels import AccountSection, DmPolicy

RETRIES = "rc=3&rp=ct,rt,5xx"
"""Twilio tries three times more, on a failed connection, a late answer and a 5xx; by default it gives up on a 5xx.

Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides."""

_HEX = re.compile(r"[0-9a-fA-F]{32}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,127}")


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What a first set-up needs to know."""

    account_sid: str
    auth_token: SecretRef
    sender: str
    """A phone number, or the SID of a Messaging Service."""
    public_webhook_url: str
    """As Twilio gets it, connection overrides included."""
    own_number: Address | None = None
    """None: the owner is paired like everybody else."""
    dm_policy: DmPolicy | None = None
    """None: what the configuration says already, else pairing."""

    @property
    def is_service(self) -> bool:
        """Whether texts come from a Messaging Service."""
        return not self.sender.startswith("+")

    @property
    def webhook_path(self) -> str:
        """The local route: the public path, unless it cannot be a route of ours."""
        try:
            return check_webhook_path(urlsplit(self.public_webhook_url).path)
        except ValueError:
            return AccountSection().webhook_path

    def as_patch(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The change to a configuration with these values; the sender that was not chosen is removed.

        An existing policy stays unless another was asked for, and nobody leaves `allowFrom`.
        """
        existing = (values.get("channels") or {}).get("sms") or {}
        sms: dict[str, Any] = {
            "accountSid": self.account_sid,
            "authToken": msgspec.to_builtins(self.auth_token),
            "fromNumber": None if self.is_service else self.sender,
            "messagingServiceSid": self.sender if self.is_service else None,
            "publicWebhookUrl": self.public_webhook_url,
            "webhookPath": self.webhook_path,
        }
        if self.dm_policy is not None or "dmPolicy" not in existing:
            sms["dmPolicy"] = (self.dm_policy or DmPolicy.PAIRING).value
        allowed = existing.get("allowFrom") or []
        if self.own_number is not None and self.own_number not in allowed:
            sms["allowFrom"] = [*allowed, self.own_number]
        return {"channels": {"sms": sms}}


def check_account_sid(text: str) -> str:
    """Accept `AC` and 32 hex digits."""
    where = "it stands on the first page of console.twilio.com, under Account Info"
    if is_sid(text, "SK"):
        raise ValueError(f"this is the SID of an API key; expected the account SID, AC and 32 hex digits: {where}")
    if not is_sid(text, "AC"):
        raise ValueError(f"expected the account SID, AC and 32 hex digits: {where}")
    return text


def check_token(text: str) -> str:
    """Accept 32 hex digits."""
    if is_sid(text, "AC"):
        raise ValueError("this is the account SID; expected the auth token, which stands below it in the console")
    if not _HEX.fullmatch(text):
        raise ValueError("expected the auth token, 32 hex digits: press Show beside it in the console and copy it")
    return text


def check_variable(text: str) -> str:
    """Accept the name of an environment variable."""
    if not _VARIABLE.fullmatch(text):
        raise ValueError("expected the name of a variable, such as TWILIO_AUTH_TOKEN, not what it holds")
    return text


def check_sender(text: str) -> str:
    """Accept a phone number, or `MG` and 32 hex digits."""
    if text[:2].upper() == "MG":
        if is_sid(text, "MG"):
            return text
        raise ValueError("expected the SID of a Messaging Service, MG and 32 hex digits")
    return parse_with_plus(text)


def check_url(text: str) -> str:
    """Accept a public URL with a path, and add Twilio's retries unless it says something about them itself."""
    check_public_url(text)
    parts = urlsplit(text)
    if parts.path in ("", "/"):
        path = AccountSection().webhook_path
        raise ValueError(f"expected a URL with a path, such as {parts.scheme}://{parts.netloc}{path}")
    return text if "#" in text else f"{text}#{RETRIES}"


def check_own_number(text: str) -> Address | None:
    """Accept a phone number, or nothing."""
    return parse_with_plus(text) if text else None
