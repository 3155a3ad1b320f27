"""Findings about the webhook that counts: which part of its URL differs, and the method."""

from collections.abc import Iterator

from workers.probe.facts import Facts
from workers.probe.finding import Finding, Kind, bad, good, warning
from workers.probe.route import Expectation, Owner, Route, decide_routes, may_change_service, printable
from workers.probe.urls import Difference, Part, differences, hide_user, is_same_place

_REPAIR = (
    "Let `--fix` write `publicWebhookUrl` to Twilio; or, if Twilio's is the right one, correct `publicWebhookUrl`: "
    "both "
    "must be the same, byte for byte, because Twilio signs its own."
)


def _differs(part: Part, means: str) -> Kind:
    return bad(
        f"url-{part.value}", f"Twilio's webhook URL differs from `publicWebhookUrl` {means}", _REPAIR, fixable=True
    )


WEBHOOK_GOOD = good("webhook-good", "Twilio posts inbound texts to `publicWebhookUrl`.")
WEBHOOK_MISSING = bad(
    "webhook-missing",
    "Nothing is set for inbound texts at Twilio: they go nowhere, or are answered by Twilio's sample.",
    "Let `--fix` set it; or in Twilio's console: the number, Messaging Configuration, A message comes in.",
    fixable=True,
)
METHOD_NOT_POST = bad(
    "method-not-post",
    "Twilio calls the webhook with another method than POST, and Textgate answers 405.",
    "Let `--fix` set POST; or in Twilio's console: HTTP POST beside the webhook's URL.",
    fixable=True,
)
DIFFERENCES = {
    Part.WHOLE: _differs(Part.WHOLE, "as a whole: one of them is no URL."),
    Part.BLANKS: _differs(Part.BLANKS, "by blanks around it."),
    Part.SCHEME: _differs(Part.SCHEME, "in the scheme: `http` where `https` should be, or the other way."),
    Part.USER: _differs(Part.USER, "in the user and password before the host. Values are not shown."),
    Part.HOST: _differs(Part.HOST, "in the host."),
    Part.HOST_CASE: _differs(
        Part.HOST_CASE, "in capital letters of the host. It is reached, but the signature differs."
    ),
    Part.PORT: _differs(Part.PORT, "in the port."),
    Part.PATH: _differs(Part.PATH, "in the path."),
    Part.PATH_CASE: _differs(Part.PATH_CASE, "in capital letters of the path."),
    Part.TRAILING_SLASH: _differs(Part.TRAILING_SLASH, "by a slash at the end of the path."),
    Part.PERCENT_ENCODING: _differs(Part.PERCENT_ENCODING, "in how the path is percent-encoded (`%2d` and `-`)."),
    Part.QUERY: _differs(Part.QUERY, "in the query string."),
    Part.DEFAULT_PORT: warning(
        "url-default-port",
        "One of the URLs names the default port, the other does not. Both work: either signature is accepted.",
        "Nothing needs to be done; `--fix` makes them equal.",
        fixable=True,
    ),
    Part.EXTRA_QUERY: warning(
        "url-extra-query",
        "Twilio's URL has a query string and `publicWebhookUrl` has none. It works: the query of the request is used.",
        "Nothing needs to be done; `--fix` makes them equal.",
        fixable=True,
    ),
    Part.FRAGMENT: warning(
        "url-fragment",
        "The connection overrides (the part after `#`) differ: Twilio retries otherwise than `publicWebhookUrl` "
        "says. They "
        "are not signed, so texts arrive.",
        "Let `--fix` write `publicWebhookUrl`, or take Twilio's overrides over into it.",
        fixable=True,
    ),
}
KINDS = (
    WEBHOOK_GOOD,
    WEBHOOK_MISSING,
    METHOD_NOT_POST,
    *DIFFERENCES.values(),
)


def check_routes(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Does every webhook that counts lead here, by POST?"""
    for route in decide_routes(facts, want.account) if want.url else ():
        if not route.hook.url:
            if route.owner is not Owner.SERVICE:  # a service without one drops: its own finding
                yield WEBHOOK_MISSING.found(f"The {route.label} has no webhook for texts.", sid=route.sid)
            continue
        for difference in differences(route.hook.url, want.url) if _is_configured(route, want) else ():
            yield DIFFERENCES[difference.part].found(
                _sentence(route, difference), fixable=_is_changeable(facts, want, route), **_detail(route, difference)
            )
        if route.hook.method.upper() != "POST":
            yield METHOD_NOT_POST.found(
                f"Twilio calls the webhook of the {route.label} with {printable(route.hook.method) or 'no method'}.",
                sid=route.sid,
                fixable=_is_changeable(facts, want, route),
            )
        elif is_same_place(route.hook.url, want.url):
            yield WEBHOOK_GOOD.found(f"The {route.label} posts to {hide_user(want.url.partition('#')[0])}.")


def _is_configured(route: Route, want: Expectation) -> bool:
    """Whether it is what the configuration names. What decides instead of that has a finding of its own."""
    return route.owner is (Owner.NUMBER if want.account.from_number else Owner.SERVICE)


def _is_changeable(facts: Facts, want: Expectation, route: Route) -> bool:
    return want.is_public and (route.owner is not Owner.SERVICE or may_change_service(facts, want))


def _sentence(route: Route, difference: Difference) -> str:
    if difference.part is Part.USER:
        return f"The webhook of the {route.label} has another user or password before the host (not shown)."
    theirs = printable(difference.theirs) or "none"
    ours = printable(difference.ours) or "none"
    what = {
        Part.WHOLE: "URL",
        Part.TRAILING_SLASH: "path, by a slash at its end",
        Part.PATH_CASE: "path, in capital letters",
        Part.HOST_CASE: "host, in capital letters",
        Part.PERCENT_ENCODING: "path, in percent-encoding",
        Part.FRAGMENT: "connection overrides (#…)",
    }.get(difference.part, difference.part.value.replace("-", " "))
    return f"The webhook of the {route.label} differs in the {what}: Twilio has {theirs}, configured is {ours}."


def _detail(route: Route, difference: Difference) -> dict[str, str]:
    detail = {"owner": route.owner.value, "sid": route.sid, "part": difference.part.value}
    if difference.part is not Part.USER:
        detail |= {"twilio": printable(difference.theirs), "configured": printable(difference.ours)}
    return detail


CHECKS = (check_routes,)
