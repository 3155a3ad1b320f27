"""Findings about our own URL and about what happens to a text while we are away: retries, fallback, exposure."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from shared.config_rules import is_loopback_url
from workers.probe.facts import Facts
from workers.probe.finding import Finding, bad, warning
from workers.probe.overrides import EXAMPLE, parse_overrides
from workers.probe.route import Expectation, decide_routes, printable
from workers.probe.urls import hide_user, is_same_place

NO_RETRIES = warning(
    "no-retries",
    "The webhook's URL asks for no retry after a 5xx, so a text that comes while this machine restarts is lost until "
    "Textgate catches up.",
    f"Add `{EXAMPLE}` to `publicWebhookUrl` and run `--fix`: `textgate config set "
    f"channels.sms.publicWebhookUrl 'https://…{EXAMPLE}'`.",
)
OVERRIDES_UNREADABLE = warning(
    "overrides-unreadable",
    "A piece of the connection overrides in `publicWebhookUrl` is none that Twilio knows, or out of range: it is "
    "ignored.",
    f"Correct it, for example to `{EXAMPLE}`; twilio.com/docs/usage/webhooks/webhooks-connection-overrides has the "
    f"list.",
)
FALLBACK_MISSING = warning(
    "fallback-missing",
    "Neither a fallback URL nor retries are set: when the webhook fails, Twilio gives the text up at once.",
    f"Add `{EXAMPLE}` to `publicWebhookUrl` and run `--fix`, or set a fallback URL in Twilio's console.",
)
FALLBACK_ELSEWHERE = warning(
    "fallback-elsewhere",
    "The fallback URL leads to another server: texts that it takes never come here, except by catching up.",
    "If that is not meant, empty the fallback URL in Twilio's console, or set it to `publicWebhookUrl`.",
)
PUBLIC_URL_MISSING = warning(
    "public-url-missing",
    "`publicWebhookUrl` is not set: the account only sends, and nobody can text it.",
    "Set `publicWebhookUrl` to the address at which the internet reaches this gateway's webhook.",
)
PUBLIC_URL_PRIVATE = bad(
    "public-url-private",
    "`publicWebhookUrl` is an address of this machine or of a private network: Twilio cannot reach it.",
    "Set `publicWebhookUrl` to a public address, by a tunnel (Tailscale Funnel, cloudflared, ngrok) or a reverse "
    "proxy.",
)
PUBLIC_URL_HTTP = warning(
    "public-url-http",
    "`publicWebhookUrl` is `http`: texts and numbers travel unencrypted.",
    "Put TLS before the ingress (a tunnel or a reverse proxy does) and set an `https` URL.",
)
SIGNATURES_OFF = warning(
    "signatures-off",
    "`dangerouslyDisableSignatureValidation` is on: anybody can post texts in anybody's name.",
    "Remove it as soon as the test is over.",
)

KINDS = (
    NO_RETRIES,
    OVERRIDES_UNREADABLE,
    FALLBACK_MISSING,
    FALLBACK_ELSEWHERE,
    PUBLIC_URL_MISSING,
    PUBLIC_URL_PRIVATE,
    PUBLIC_URL_HTTP,
    SIGNATURES_OFF,
)


def check_own_url(_: Facts, want: Expectation) -> Iterator[Finding]:
    """Is our own URL one that Twilio can use?"""
    if want.account.dangerously_disable_signature_validation:
        yield SIGNATURES_OFF.found("Signatures are not checked: dangerouslyDisableSignatureValidation is on.")
    if not want.url:
        yield PUBLIC_URL_MISSING.found("publicWebhookUrl is not set, so nothing can be received.")
        return
    host = urlsplit(want.url).hostname or ""
    if not want.is_public:
        yield PUBLIC_URL_PRIVATE.found(f"Twilio cannot reach {host}: it is not a public address.", host=host)
    elif want.url.startswith("http://") and not is_loopback_url(want.url):
        yield PUBLIC_URL_HTTP.found("publicWebhookUrl is http, not https.")
    for piece in parse_overrides(want.url).unreadable:
        yield OVERRIDES_UNREADABLE.found(f"Twilio ignores {printable(piece)} in the fragment of publicWebhookUrl.")


def check_failure(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """What happens to a text while we are away?"""
    for route in decide_routes(facts, want.account) if want.url else ():
        fallback = route.hook.fallback_url
        # Ours counts too: then the difference is a finding of its own, and `--fix` writes it.
        survives = any(parse_overrides(url).survives_5xx for url in (route.hook.url, want.url))
        if route.hook.url and not fallback and not survives:
            kind = NO_RETRIES if parse_overrides(route.hook.url).retries else FALLBACK_MISSING
            yield kind.found(f"The webhook of the {route.label} has no fallback and no retry after a 5xx.")
        elif fallback and not is_same_place(fallback, want.url):
            yield FALLBACK_ELSEWHERE.found(
                f"The fallback of the {route.label} is {printable(hide_user(fallback))}.", sid=route.sid
            )


CHECKS = (check_own_url, check_failure)
