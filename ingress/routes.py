"""The table of webhooks: path -> webhook, replaced as a whole when the configuration changes.

Requests under way finish with the webhook that they began with, so a reload loses none.
"""

import time

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from ingress.client_address import parse_networks
from ingress.redis_watch import RedisWatch
from ingress.verifier import OldUrl, Verifier
from ingress.webhook import Webhook
from shared.gate import gate_of
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.settings import Account, Settings

OLD_URL_S = 24 * 3600
"""How long delivery callbacks to a public URL of before a reload are still accepted: Twilio may send them for a day."""


class WebhookRoutes(BaseRoute):
    """Matches exact paths, with every method: the webhook itself answers 405, in TwiML like all its answers."""

    def __init__(self, settings: Settings, *, keys: Keys, commit: GroupCommit, watch: RedisWatch | None = None) -> None:
        self._watch = watch
        self._keys = keys
        self._commit = commit
        self._webhooks: dict[str, Webhook] = {}
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """Serve these accounts from now on."""
        before = {webhook.account.id: webhook for webhook in self._webhooks.values()}
        self._webhooks = {
            account.webhook_path: Webhook(
                account=account,
                gate=gate_of(account),
                keys=self._keys,
                commit=self._commit,
                verifier=Verifier(account, old_urls=_old_urls(before.get(account.id), account)),
                trusted=parse_networks(settings.ingress.trusted_proxies),
                watch=self._watch,
            )
            for account in settings.accounts.values()
            if account.receives
        }

    @property
    def webhooks(self) -> tuple[Webhook, ...]:
        """The webhooks that are served now."""
        return tuple(self._webhooks.values())

    @property
    def paths(self) -> tuple[str, ...]:
        """Their paths."""
        return tuple(self._webhooks)

    def find(self, scope: Scope) -> Webhook | None:
        """The webhook that this request is for, if it is for one."""
        return self._webhooks.get(scope["path"]) if scope["type"] == "http" else None

    def account_at(self, path: str) -> Account | None:
        """The account whose webhook has this path, a slash at its end or not."""
        webhook = self._webhooks.get(path) or self._webhooks.get(f"{path}/")
        return None if webhook is None else webhook.account

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        webhook = self.find(scope)
        return (Match.NONE, {}) if webhook is None else (Match.FULL, {"endpoint": webhook})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["endpoint"](scope, receive, send)


def _old_urls(before: Webhook | None, account: Account) -> tuple[OldUrl, ...]:
    if before is None:
        return ()
    now = time.monotonic()
    kept = tuple(old for old in before.verifier.old_urls if old.until > now and old.url != account.signed_url)
    if before.account.signed_url is None or before.account.signed_url == account.signed_url:
        return kept
    return (*kept, OldUrl(url=before.account.signed_url, until=now + OLD_URL_S))
