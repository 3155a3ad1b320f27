"""What loads but deserves a look: one sentence each, with the path of the key and what to do. Pure functions.

A warning shows no secret, no SID and no number: it is printed at every start.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from shared.config_merge import Said
from shared.config_rules import is_loopback_url, is_sid
from shared.phone import calling_code, lacks_country_code, parse_person
from shared.settings_account import Account

_SIDS = (
    ("account_sid", "accountSid", "AC"),
    ("messaging_service_sid", "messagingServiceSid", "MG"),
    ("api_key_sid", "apiKeySid", "SK"),
)

_NUMBERS = ("from_number", "default_to", "pairing_notify", "allow_from", "block_from")

NO_ACCOUNTS = (
    "channels.sms: no account is configured, so nothing is received or sent; add one, or try `textgate up --sandbox`"
)


def warn_about_account(account: Account, path: str) -> Iterator[str]:
    """Look at one account that is enabled."""
    if not account.enabled:
        return
    for attribute, key, prefix in _SIDS:
        sid = getattr(account, attribute)
        if sid is not None and not is_sid(sid, prefix):
            yield f"{path}.{key}: this is no Twilio SID ({prefix} and 32 hex digits) {_likely(sid)}"
    if account.from_number is not None and account.messaging_service_sid is not None:
        yield (
            f"{path}: fromNumber and messagingServiceSid are both set; fromNumber is used "
            "(set it to null to use the Messaging Service)"
        )
    yield from _warn_about_webhook(account, path)


def _likely(sid: str) -> str:
    """What it is instead."""
    for _attribute, key, prefix in _SIDS:
        if is_sid(sid, prefix):
            return f"but one that starts with {prefix}, as it belongs into {key}; Twilio will refuse it here"
    return "but looks like a placeholder; Twilio will refuse it"


def warn_about_numbers(said: Mapping[str, Said]) -> Iterator[str]:
    """Look at the numbers of one account as they were written; they were checked before."""
    for name in _NUMBERS:
        value, path = said[name].value, said[name].path
        is_list = isinstance(value, (list, tuple))
        for index, written in enumerate(value if is_list else [value]):
            code = _misread_as(written)
            if code is not None:
                place = f"{path}[{index}]" if is_list else path
                yield f"{place}: a number without a plus, read as one of +{code}; write it as + and the country code"


def _misread_as(written: object) -> int | None:
    """The calling code that a number without one is read with; None if all is well, or it is a short code or a name."""
    if not isinstance(written, (str, int)) or not lacks_country_code(written):
        return None
    try:
        return calling_code(parse_person(written))
    except ValueError:
        return None


def _warn_about_webhook(account: Account, path: str) -> Iterator[str]:
    if account.dangerously_disable_signature_validation:
        yield (
            f"{path}.dangerouslyDisableSignatureValidation: ANYBODY who finds the webhook can pose as any sender; "
            "use it only for a tunnel to your own machine"
        )
    elif account.public_webhook_url is None:
        yield (
            f"{path}.publicWebhookUrl: not set, so signatures cannot be checked and this account only sends; "
            "set it to the URL that Twilio calls"
        )
    url = account.public_webhook_url
    if url is not None and url.lower().startswith("http://") and not is_loopback_url(url):
        yield f"{path}.publicWebhookUrl: http, so texts and phone numbers travel in the clear; use https"
    if url is not None and urlsplit(url).path != account.webhook_path:
        yield (
            f"{path}.webhookPath: not the path of publicWebhookUrl, so Twilio gets 404 unless a proxy rewrites it; "
            "make them the same if none does"
        )


def warn_about_accounts(accounts: Mapping[str, Account], default_id: str | None) -> Iterator[str]:
    """Look at all accounts together."""
    if not accounts:
        yield NO_ACCOUNTS
        return
    if default_id is not None and not accounts[default_id].enabled:
        yield f"channels.sms.defaultAccount: {default_id} is not enabled, so sending without --account is refused"
    owners: dict[str, str] = {}
    for account in accounts.values():
        if account.enabled and account.signed_url is not None:
            owner = owners.setdefault(account.signed_url, account.id)
            if owner != account.id:
                yield (
                    f"channels.sms.accounts: {owner} and {account.id} have the same publicWebhookUrl; "
                    "Twilio's calls reach only one of them"
                )
