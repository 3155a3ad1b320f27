"""Is this request Twilio's? One verifier per account; touches nothing but the request and the account's secrets."""

import re
import time

import msgspec
from starlette.types import Scope

from ingress.diagnosis import Seen, explain
from ingress.form import Form
from ingress.signature import (
    Algorithm,
    SigningSettings,
    body_matches,
    is_genuine,
    parse_settings,
    signed_parameters,
    url_as_signed,
)
from shared.errors import RejectedError
from shared.settings import Account
from shared.status_callback import part_of_query

Headers = dict[bytes, bytes]

_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class OldUrl(msgspec.Struct, frozen=True, kw_only=True):
    """A public URL of before a reload, good for delivery callbacks until then (monotonic, seconds)."""

    url: str
    until: float


class BadSignatureError(RejectedError):
    """The signature does not fit; `Verifier.explain` may know why."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=403)


class Verifier:
    """Checks signatures for one account."""

    def __init__(self, account: Account, *, old_urls: tuple[OldUrl, ...] = ()) -> None:
        self.old_urls = old_urls
        self._url = account.signed_url or ""
        self._tokens = tuple(secret.reveal() for secret in account.signing_tokens)
        self._shared_keys = {key_id: secret.reveal() for key_id, secret in account.webhook_signing_keys.items()}
        self._off = account.dangerously_disable_signature_validation

    def check(
        self, scope: Scope, headers: Headers, *, form: Form, fields: dict[str, str], json_body: bytes | None = None
    ) -> None:
        """Raises RejectedError(403), with the reason for the log, unless Twilio signed this request.

        `fields`: the form's first values. `json_body`: the body if it is JSON; then it must have the SHA-256 that the
        signed query names.
        """
        if self._off:
            return
        query = scope["query_string"].decode("latin-1")
        given = _text(headers, b"x-twilio-signature")
        settings = parse_settings(_text(headers, b"x-twilio-webhooks-signature-settings"))
        keys, algorithm = self._keys(settings)
        parameters = signed_parameters(form, fields)
        for base in self._bases(query):
            url = url_as_signed(base, query)
            if is_genuine(given=given, keys=keys, url=url, parameters=parameters, algorithm=algorithm):
                break
        else:
            raise BadSignatureError("bad signature")
        if json_body is not None and not body_matches(query, json_body):
            raise RejectedError("bodySHA256 is missing or is not that of the body", status=403)

    def explain(self, scope: Scope, headers: Headers, *, form: Form) -> str:
        """Why the signature did not fit, for the log. Costs many times what `check` costs."""
        query = scope["query_string"].decode("latin-1")
        keys, algorithm = self._keys(parse_settings(_text(headers, b"x-twilio-webhooks-signature-settings")))
        return explain(
            given=_text(headers, b"x-twilio-signature"),
            keys=keys,
            algorithm=algorithm,
            url=url_as_signed(self._url, query),
            parameters=signed_parameters(form),
            seen=_seen(scope, headers, query),
        )

    def _bases(self, query: str) -> tuple[str, ...]:
        """The public URLs that Twilio may have signed."""
        if not (self.old_urls and part_of_query(query)):
            return (self._url,)
        return (self._url, *(old.url for old in self.old_urls if old.until > time.monotonic()))

    def _keys(self, settings: SigningSettings) -> tuple[tuple[str, ...], Algorithm]:
        if settings.algorithm is None:
            raise RejectedError("signed with an algorithm that is not known here; a newer Textgate may", status=403)
        if settings.key_id is None:
            return self._tokens, settings.algorithm
        key = self._shared_keys.get(settings.key_id)
        if key is None:
            raise RejectedError(
                "signed with a SharedKey that webhookSigningKeys does not name; add it there", status=403
            )
        return (key,), settings.algorithm


def _seen(scope: Scope, headers: Headers, query: str) -> Seen:
    hosts = (_text(headers, b"host"), _text(headers, b"x-forwarded-host"))
    return Seen(hosts=tuple(host for host in hosts if _HOST.fullmatch(host)), path=scope["path"], query=query)


def _text(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
