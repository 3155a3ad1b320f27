"""Findings about our public address as it looks from outside: does a POST to the webhook reach this gateway?"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from shared.funnel import funnel_command
from shared.route_mark import ROUTE_HEADER, RouteMark
from workers.probe.check_account import locked_out
from workers.probe.facts import Cause, Facts, Missing, OutsideAnswer, OutsideFact
from workers.probe.finding import Finding, Kind, bad, good, unknown, warning
from workers.probe.route import Expectation, printable
from workers.probe.urls import hide_user

_UP = "Start the tunnel or the reverse proxy and let it lead to the ingress of this gateway."

OUTSIDE_GOOD = good(
    "outside-good", "An unsigned POST to the public URL reaches this gateway's webhook, which refuses it."
)
OUTSIDE_DNS = bad(
    "outside-dns",
    "The host of `publicWebhookUrl` has no address.",
    "Check its spelling, and that its DNS record exists.",
)
OUTSIDE_CONNECT = bad("outside-connect", "Nothing listens at the public address.", _UP)
OUTSIDE_TLS = bad(
    "outside-tls",
    "The public address has no valid certificate: Twilio refuses it too (1123x).",
    "Renew the certificate, and serve the whole chain for this name.",
)
OUTSIDE_TIMEOUT = bad("outside-timeout", "The public address did not answer in time; Twilio gives up after 15 s.", _UP)
OUTSIDE_BROKEN = bad("outside-broken", "The public address broke the connection off without an answer.", _UP)
OUTSIDE_TUNNEL_DOWN = bad(
    "outside-tunnel-down",
    "A tunnel or proxy answered with an error of its own: it is up, and what it should lead to is not.",
    "Start the gateway (`textgate up`, or `textgate ingress`), and let the tunnel lead to its host and port.",
)
OUTSIDE_REDIRECT = bad(
    "outside-redirect",
    "The public address redirects, often from `http` to `https` or to a login. Twilio's signature does not survive "
    "that.",
    "Set `publicWebhookUrl` to the address that answers itself, and exempt the webhook from logins.",
)
OUTSIDE_WRONG_PATH = bad(
    "outside-wrong-path",
    "The public address reaches a Textgate, but no webhook has that path there.",
    "Let the proxy map the public path to `webhookPath`, or set `webhookPath` to what arrives.",
)
OUTSIDE_OTHER_SERVER = bad(
    "outside-other-server",
    "Something else answers at the public address: it lacks our header.",
    "Look what the tunnel, the reverse proxy or the DNS name leads to.",
)
OUTSIDE_OPEN = bad(
    "outside-accepts-unsigned",
    "The webhook took an unsigned POST for good: whoever answers there does not check signatures.",
    "Look what the public address leads to, and that `dangerouslyDisableSignatureValidation` is off there.",
)
OUTSIDE_ODD = bad(
    "outside-unexpected",
    "The webhook answered an unsigned POST with something else than a refusal: a proxy may change the request.",
    "Look whether the proxy keeps the method POST, the path and the body.",
)
OUTSIDE_NOT_CHECKED = warning(
    "outside-not-checked",
    "Seen from this machine the public name leads to an address that is not public (split DNS, a Tailscale net), so "
    "it was "
    "not asked.",
    "From another machine: `curl -si -X POST URL` must answer 403 with a line `textgate-route: webhook`.",
)
OUTSIDE_UNKNOWN = unknown(
    "outside-unknown",
    "Neither Twilio nor the public address answered: this machine seems to have no way to the internet.",
    "Look at this machine's network, then try again.",
)

KINDS = (
    OUTSIDE_GOOD,
    OUTSIDE_DNS,
    OUTSIDE_CONNECT,
    OUTSIDE_TLS,
    OUTSIDE_TIMEOUT,
    OUTSIDE_BROKEN,
    OUTSIDE_TUNNEL_DOWN,
    OUTSIDE_REDIRECT,
    OUTSIDE_WRONG_PATH,
    OUTSIDE_OTHER_SERVER,
    OUTSIDE_OPEN,
    OUTSIDE_ODD,
    OUTSIDE_NOT_CHECKED,
    OUTSIDE_UNKNOWN,
)

_TROUBLES: dict[str, tuple[Kind, str]] = {
    "dns": (OUTSIDE_DNS, "has no address"),
    "connect": (OUTSIDE_CONNECT, "takes no connection"),
    "tls": (OUTSIDE_TLS, "has no valid certificate"),
    "timeout": (OUTSIDE_TIMEOUT, "did not answer in time"),
    "broken": (OUTSIDE_BROKEN, "broke the connection off"),
}
_TUNNEL_STATUSES = frozenset({502, 503, 504, *range(520, 531)})
"""What proxies and tunnels answer when nothing is behind them; 520 to 530 are Cloudflare's."""


def check_outside(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Does the public address reach this gateway?"""
    outside = facts.outside
    if isinstance(outside, Missing) or not want.url:
        return
    if outside.trouble == "private":
        yield OUTSIDE_NOT_CHECKED.found(f"{_host(want)} leads to an address that is not public, seen from here.")
    elif outside.trouble and locked_out(facts) is Cause.UNREACHABLE:
        yield OUTSIDE_UNKNOWN.found(f"Neither Twilio nor {_host(want)} could be reached from this machine.")
    elif outside.trouble:
        kind, words = _TROUBLES[outside.trouble]
        yield kind.found(f"{_host(want)} {words}.", hint=_hint(kind, want), trouble=outside.trouble)
    elif not isinstance(outside.webhook, Missing):
        kind, words = _judge(outside, outside.webhook, want)
        where = hide_user(want.url.partition("#")[0])
        yield kind.found(f"An unsigned POST to {where} {words}.", hint=_hint(kind, want), status=outside.webhook.status)


def _judge(outside: OutsideFact, answer: OutsideAnswer, want: Expectation) -> tuple[Kind, str]:
    status = answer.status
    if answer.mark == RouteMark.WEBHOOK:
        return _judge_ours(status, want)
    if answer.is_ours:
        return OUTSIDE_WRONG_PATH, f"reached a Textgate, which has no webhook with that path (status {status})"
    if 300 <= status < 400:
        to = f" to {printable(answer.location)}" if answer.location else ""
        return OUTSIDE_REDIRECT, f"was redirected{to} (status {status})"
    if status in _TUNNEL_STATUSES:
        return OUTSIDE_TUNNEL_DOWN, f"was answered {status} by a tunnel or proxy, not by Textgate"
    healthy = not isinstance(outside.health, Missing) and outside.health.mark == RouteMark.HEALTH
    more = "; /healthz on the same host is ours, so only this path leads elsewhere" if healthy else ""
    return OUTSIDE_OTHER_SERVER, f"was answered {status} by something without the header {ROUTE_HEADER}{more}"


def _judge_ours(status: int, want: Expectation) -> tuple[Kind, str]:
    """A webhook of a Textgate has answered. Unsigned must be 403 (429 past the limit); unchecked, 400 for an empty "
    "form."""
    expected = {400} if want.account.dangerously_disable_signature_validation else {403, 429}
    if status in expected:
        return OUTSIDE_GOOD, f"reaches the webhook, which refuses it ({status})"
    if status in (200, 204, 400):
        return OUTSIDE_OPEN, f"was not refused as unsigned (status {status})"
    return OUTSIDE_ODD, f"was answered {status}; 403 was expected"


def _hint(kind: Kind, want: Expectation) -> str:
    """The general hint; for a Tailscale host the very command that makes the route public."""
    command = funnel_command(want.url, webhook_path=want.account.webhook_path, port=want.ingress_port)
    if command is None or kind is OUTSIDE_GOOD or kind is OUTSIDE_OPEN:
        return kind.hint
    return f"Make the route public with Tailscale: `{command}`"


def _host(want: Expectation) -> str:
    return urlsplit(want.url).netloc.rpartition("@")[2]


CHECKS = (check_outside,)
