"""How `channels status` shows what it found, for people and for programs. Pure.

Phone numbers are masked, also inside Twilio's messages; a secret is `***` and its origin.
"""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from cli.channels_live import AccountFacts, LiveFacts, StageFacts
from cli.channels_words import duration, iso, mask_numbers, plural
from shared.keys import Stage
from shared.phone import mask
from shared.records import Pause
from shared.secrets import describe_origin
from shared.settings import Account, Settings
from workers.probe.result import ProbeResult


class Ingress(msgspec.Struct, frozen=True, kw_only=True):
    """The ingress of the `up` on this machine."""

    url: str
    ready: bool


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """All that `channels status` knows."""

    settings: Settings
    accounts: list[Account]
    live: LiveFacts | None
    """None: Redis could not be asked; `trouble` says why."""
    ingress: Ingress | None
    """None: no `up` on this machine, so nobody knows where its ingress is."""
    trouble: str
    blind: str = ""
    """What is not at hand here, and why; empty: nothing."""


def as_json(status: Status) -> dict[str, Any]:
    """The documented shape; see docs/cli.md."""
    settings, live = status.settings, status.live
    return {
        "channel": "sms",
        "source": str(settings.source) if settings.source else None,
        "warnings": [mask_numbers(warning) for warning in settings.warnings],
        "accounts": [
            _configured(each, is_default=each.id == settings.default_account_id)
            | {"live": _account_as_json(live.accounts[each.id]) if live else None}
            for each in status.accounts
        ],
        "live": _live_as_json(live, status.ingress) if live else None,
        "notAtHand": status.blind or None,
        "trouble": status.trouble or None,
    }


def describe(status: Status) -> Iterator[str]:
    """Lines for people."""
    yield f"configuration: {status.settings.source or 'environment only'}"
    for warning in status.settings.warnings:
        yield f"  warning: {mask_numbers(warning)}"
    if status.blind:
        yield f"  not at hand here: {status.blind}"
    if not status.accounts:
        yield "no account yet: try `textgate init`, or `textgate up --sandbox` without an account"
    for account in status.accounts:
        yield from _describe_account(account, is_default=account.id == status.settings.default_account_id)
        if status.live:
            yield from _describe_facts(account, status.live.accounts[account.id])
    if status.ingress:
        yield f"ingress: {status.ingress.url}, {'ready' if status.ingress.ready else 'NOT READY: see the log of `up`'}"
    if status.live:
        yield from _describe_live(status.live)
    else:
        yield "live: unknown, Redis was not reached"


def sending_side(account: Account) -> str:
    """Its number, masked, or its Messaging Service."""
    return mask(account.from_number) if account.from_number else account.messaging_service_sid or ""


def direction(account: Account) -> str:
    """What the account does: `inbound and outbound`, `outbound only` or `off`."""
    if not account.enabled:
        return "off"
    return "inbound and outbound" if account.receives else "outbound only"


def _configured(account: Account, *, is_default: bool) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name or None,
        "default": is_default,
        "enabled": account.enabled,
        "direction": direction(account),
        "dmPolicy": account.dm_policy.value,
        "sender": sending_side(account) or None,
        "webhookPath": account.webhook_path,
        "publicWebhookUrl": account.public_webhook_url,
        "signatureChecked": not account.dangerously_disable_signature_validation,
        "credentials": _credentials(account),
    }


def _credentials(account: Account) -> dict[str, Any]:
    keys = account.webhook_signing_keys
    return {
        "accountSid": account.account_sid or None,
        "authToken": describe_origin(account.auth_token),
        "authTokenSecondary": describe_origin(account.auth_token_secondary),
        "apiKeySid": account.api_key_sid,
        "apiKeySecret": describe_origin(account.api_key_secret),
        "webhookSigningKeys": {key_id: describe_origin(secret) for key_id, secret in keys.items()},
    }


def _account_as_json(facts: AccountFacts) -> dict[str, Any]:
    return {
        "paused": pause_as_json(facts.pause) if facts.pause else None,
        "pairingPending": facts.pairing_pending,
        "approved": facts.approved,
        "optedOut": facts.opted_out,
        "probed": _probed_as_json(facts.probed) if facts.probed else None,
    }


def _probed_as_json(result: ProbeResult) -> dict[str, Any]:
    return {"verdict": result.verdict.value, "at": iso(result.probed_ms), "codes": sorted(result.codes)}


def pause_as_json(pause: Pause) -> dict[str, Any]:
    """Why nothing is sent for an account."""
    message, hint = mask_numbers(pause.message), mask_numbers(pause.hint)
    return {"code": pause.code, "message": message, "hint": hint, "since": iso(pause.since_ms)}


def _live_as_json(live: LiveFacts, ingress: Ingress | None) -> dict[str, Any]:
    return {
        "stages": {
            stage.value: {
                "workers": facts.workers,
                "jobs": facts.jobs,
                "due": facts.due,
                "oldestSeconds": round(facts.oldest_ms / 1000, 1),
            }
            for stage, facts in live.stages.items()
        },
        "lanes": live.lanes,
        "deadLetters": live.dead_letters,
        "ingress": {"url": ingress.url, "ready": ingress.ready} if ingress else None,
    }


def _describe_account(account: Account, *, is_default: bool) -> Iterator[str]:
    name = f" ({account.name})" if account.name else ""
    default = ", default" if is_default else ""
    yield f"account {account.id}{name}{default}: {direction(account)}, policy {account.dm_policy.value}"
    yield f"  sender {sending_side(account) or 'not set'}"
    if account.receives:
        yield f"  webhook {account.webhook_path}, public {account.public_webhook_url or 'not set'}"
    elif account.enabled:
        yield "  webhook none: set publicWebhookUrl to the URL that Twilio calls"
    if account.enabled:  # the secrets of one that is off are not looked up
        for name, shown in _credentials(account).items():
            if shown and shown != "not set":
                yield f"  {name} {', '.join(shown) if isinstance(shown, dict) else shown}"


def _describe_facts(account: Account, facts: AccountFacts) -> Iterator[str]:
    if facts.pause:
        pause, ago = facts.pause, iso(facts.pause.since_ms)
        yield f"  PAUSED since {ago}: {mask_numbers(pause.message)} ({pause.code}); {mask_numbers(pause.hint)}"
    if facts.probed:
        age = duration(max(0, time.time() * 1000 - facts.probed.probed_ms))
        codes = f": {', '.join(sorted(facts.probed.codes))}" if facts.probed.codes else ""
        yield f"  at Twilio: {facts.probed.verdict.value} {age} ago{codes}"
    people = f"{facts.approved} approved, {len(account.allow_from)} in allowFrom, {facts.opted_out} opted out"
    yield f"  people: {people}"
    if facts.pairing_pending:
        yield f"  {plural(facts.pairing_pending, 'pairing request')} to decide: `textgate pairing list`"


def _describe_live(live: LiveFacts) -> Iterator[str]:
    for stage, facts in live.stages.items():
        yield f"{stage.value}: {_stage(stage, facts)}"
    yield f"lanes with work: {live.lanes}"
    yield f"dead letters: {live.dead_letters}"


def _stage(stage: Stage, facts: StageFacts) -> str:
    said = f"{plural(facts.workers, 'worker')}, {plural(facts.jobs, 'conversation')} with work"
    if facts.due:
        said += f", {facts.due} due, the oldest for {duration(facts.oldest_ms)}"
    return f"{said}; NOBODY WORKS: start `textgate worker {stage.value}`" if facts.is_stuck else said
