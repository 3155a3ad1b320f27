"""Findings about what has happened: errors that Twilio noted, texts that never arrived, refused regions.

They tell of the past: after a repair they stay for a day, so they are warnings, and the cause has a finding of its own.
"""

from collections.abc import Iterator

from workers.probe.facts import AlertFact, Facts, LoggedText, Missing
from workers.probe.fetch import bare
from workers.probe.finding import Finding, Kind, warning
from workers.probe.route import Expectation, printable

SETTLE_S = 120
"""How long a text may be under way before it counts as not arrived."""


def _alert(code: str, means: str, hint: str) -> Kind:
    return warning(f"alert-{code}", f"{means} Counted over the last day, for our webhook only.", hint)


ALERTS: dict[int, Kind] = {
    11200: _alert(
        "11200",
        "11200: Twilio took the text, called the webhook, and got no good answer: an error status, or none in 15 s.",
        "`textgate message trace` and the ingress' log show what was answered: 403 is a wrong URL or token, 404 a "
        "wrong path, "
        "503 a Redis that is away, 502 a tunnel with nothing behind it.",
    ),
    11205: _alert(
        "11205",
        "11205: Twilio could not connect to the webhook's host.",
        "Is the tunnel or the reverse proxy up, and does the firewall let Twilio in?",
    ),
    11210: _alert(
        "11210",
        "11210: the webhook's host name could not be resolved.",
        "Check the host in `publicWebhookUrl`, and its DNS.",
    ),
    11220: _alert(
        "11220",
        "11220 and 1123x: the TLS handshake with the webhook's host failed.",
        "Renew the certificate, serve the whole chain, and for the name in `publicWebhookUrl`.",
    ),
    12100: _alert(
        "12100",
        "12100: the answer was no TwiML. Textgate answers TwiML always: something else answered.",
        "Look who answers at `publicWebhookUrl`: a proxy's error page, another program on the port?",
    ),
    12300: _alert(
        "12300",
        "12300: the answer had a content type that Twilio does not take. Something else answered, or a proxy changed "
        "it.",
        "Look who answers at `publicWebhookUrl`: a proxy's error page, another program on the port?",
    ),
}
TEXTS_NOT_ARRIVED = warning(
    "texts-not-arrived",
    "Texts that are in Twilio's log of the last day never arrived here, by webhook or by catching up. A gateway that "
    "was "
    "set up today shows texts from before.",
    "Repair what else is found here. Textgate catches up on texts that came after it first saw the account.",
)
GEO_REFUSALS = warning(
    "geo-refusals",
    "Twilio refused replies of the last day because sending to their region is not enabled (21408).",
    "Enable the region: Twilio's console, Messaging, Settings, Geo permissions; then `textgate deadletter retry --code "
    "twilio-21408`.",
)

KINDS = (*ALERTS.values(), TEXTS_NOT_ARRIVED, GEO_REFUSALS)


def check_alerts(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """What Twilio noted about our webhook."""
    if isinstance(facts.alerts, Missing):
        return
    ours = _our_addresses(facts, want)
    counted: dict[int, list[AlertFact]] = {}
    for alert in facts.alerts:
        code = 11220 if 11220 <= alert.code <= 11249 else alert.code
        if alert.url in ours and code in ALERTS:
            counted.setdefault(code, []).append(alert)
    for code, alerts in sorted(counted.items()):
        count, newest_s = sum(alert.count for alert in alerts), max(alert.newest_s for alert in alerts)
        yield ALERTS[code].found(
            f"Error {code}: {_times(count)} in the last day, the last {_ago(facts.now_s - newest_s)}, at "
            f"{printable(alerts[0].url)}.",
            code=code,
            count=count,
        )


def check_arrivals(facts: Facts, _: Expectation) -> Iterator[Finding]:
    """Did every text in Twilio's log come here?"""
    if isinstance(facts.log, Missing) or isinstance(facts.log.not_arrived, Missing):
        return
    settled = [text for text in facts.log.inbound if facts.now_s - text.created_s >= SETTLE_S]
    lost = [text for text in settled if text.sid in facts.log.not_arrived]
    if lost:
        newest: LoggedText = max(lost, key=lambda text: text.created_s)
        yield TEXTS_NOT_ARRIVED.found(
            f"{len(lost)} of the last {len(settled)} texts never arrived here, the newest "
            f"{_ago(facts.now_s - newest.created_s)} ({newest.sid}).",
            count=len(lost),
            of=len(settled),
            newest=newest.sid,
        )


def check_regions(facts: Facts, _: Expectation) -> Iterator[Finding]:
    """Were replies refused for their region?"""
    if not isinstance(facts.geo_refusals, Missing) and facts.geo_refusals:
        yield GEO_REFUSALS.found(
            f"{_times(facts.geo_refusals).capitalize()} in the last day a reply was refused for its region (21408).",
            count=facts.geo_refusals,
        )


def _our_addresses(facts: Facts, want: Expectation) -> frozenset[str]:
    hooks = [number.hook for number in (() if isinstance(facts.numbers, Missing) else facts.numbers)]
    if facts.service is not None and not isinstance(facts.service, Missing):
        hooks.append(facts.service.hook)
    hooks += [each.hook for each in facts.applications.values() if not isinstance(each, Missing)]
    return frozenset(bare(url) for url in (want.url, *(hook.url for hook in hooks)) if url)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _ago(seconds: float) -> str:
    minutes = max(0, round(seconds / 60))
    if minutes < 1:
        return "just now"
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"


CHECKS = (check_alerts, check_arrivals, check_regions)
