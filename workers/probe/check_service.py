"""Findings about what decides instead of the number: a Messaging Service, or an application."""

from collections.abc import Iterator

from shared.phone import mask
from workers.probe.check_account import locked_out
from workers.probe.facts import Cause, Facts, Missing, ServiceFact
from workers.probe.finding import Finding, bad, good, unknown, warning
from workers.probe.route import Expectation, decide_routes, may_change_service, printable
from workers.probe.urls import hide_user, is_same_place, name_differences

SERVICE_FOUND = good("service-found", "The Messaging Service exists and has numbers.")
SERVICE_MISSING = bad(
    "service-missing",
    "`messagingServiceSid` is not a Messaging Service of this account: nothing can be sent.",
    "Correct `messagingServiceSid`: Twilio's console, Messaging, Services.",
)
SERVICE_EMPTY = bad(
    "service-empty",
    "The Messaging Service has no number: it can neither send nor receive (error 21703).",
    "Add a number to its Sender Pool: Twilio's console, Messaging, Services.",
)
SERVICE_UNKNOWN = unknown(
    "service-unknown",
    "Which Messaging Service decides where the texts go could not be found out.",
    "Try again, with a longer `--timeout`; a restricted API key needs the right to read Messaging Services.",
)
SERVICE_DROPS = bad(
    "service-drops-inbound",
    "The Messaging Service has no webhook and does not defer to its numbers: Twilio drops what is texted to them, "
    "without "
    "a trace in its log.",
    "Let `--fix` set the service's webhook; or in Twilio's console: Messaging, Services, Integration, Send a webhook.",
    fixable=True,
)
SERVICE_DEFERS = warning(
    "service-defers",
    "The Messaging Service leaves inbound texts to the webhooks of its numbers (Defer to sender's webhook). All of "
    "them "
    "are right now; a number that is added later must be set too.",
    "Set the webhook at the service instead: Twilio's console, Messaging, Services, Integration, Send a webhook.",
)
SERVICE_DEFERS_WRONGLY = bad(
    "service-defers-to-wrong-webhook",
    "The Messaging Service leaves inbound texts to the webhooks of its numbers (Defer to sender's webhook), and "
    "those are "
    "not `publicWebhookUrl`.",
    "Let `--fix` set the webhook at the service and switch the deferring off; or do so in Twilio's console: Messaging, "
    "Services, Integration, Send a webhook.",
    fixable=True,
)
SERVICE_OVERRIDES = bad(
    "service-overrides-number",
    "`fromNumber` sits in a Messaging Service with a webhook of its own, so the number's webhook is not used.",
    "Let `--fix` set the service's webhook if the service has this number only; or take the number out of the "
    "service; or "
    "let the service defer to its numbers (Twilio's console, Messaging, Services, Integration).",
    fixable=True,
)
SERVICE_DECIDES = good("service-decides", "`fromNumber` sits in a Messaging Service whose webhook is the right one.")
APPLICATION_OVERRIDES = bad(
    "application-overrides-number",
    "The number points at a TwiML application (`sms_application_sid`), whose webhook is used instead of the number's "
    "and "
    "is not `publicWebhookUrl`.",
    "Let `--fix` set the number's own webhook and take the application off its messaging side; calls are not touched.",
    fixable=True,
)
APPLICATION_MISSING = bad(
    "application-missing",
    "The number points at a TwiML application that cannot be read: where its texts go is not known.",
    "Let `--fix` set the number's own webhook and take the application off its messaging side.",
    fixable=True,
)
APPLICATION_DECIDES = good("application-decides", "The number's application has the right webhook.")

KINDS = (
    SERVICE_FOUND,
    SERVICE_MISSING,
    SERVICE_EMPTY,
    SERVICE_UNKNOWN,
    SERVICE_DROPS,
    SERVICE_DEFERS,
    SERVICE_DEFERS_WRONGLY,
    SERVICE_OVERRIDES,
    SERVICE_DECIDES,
    APPLICATION_OVERRIDES,
    APPLICATION_MISSING,
    APPLICATION_DECIDES,
)


def check_service(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Is the configured service there, with numbers?"""
    service = facts.service
    if locked_out(facts) is not None or service is None:
        return
    if isinstance(service, Missing):
        yield from _missing_service(service, want)
    elif not want.account.from_number:
        if service.pool:
            yield SERVICE_FOUND.found(f"{_name(service)} has {_count(service)}.", numbers=len(service.pool))
        else:
            yield SERVICE_EMPTY.found(f"{_name(service)} has no number.", sid=service.sid)


def check_integration(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Does the service take the texts of its numbers, and where to?"""
    service = facts.service
    if service is None or isinstance(service, Missing) or not want.url:
        return
    if service.defers_to_number:
        yield from _deferring(facts, want, service)
    elif not service.hook.url:
        number = f", which holds {mask(want.account.from_number)}," if want.account.from_number else ""
        yield SERVICE_DROPS.found(
            f"{_name(service)}{number} has no inbound webhook: texts to its numbers are dropped.",
            sid=service.sid,
            fixable=may_change_service(facts, want),
        )
    elif want.account.from_number and is_same_place(service.hook.url, want.url):
        yield SERVICE_DECIDES.found(f"{_name(service)} holds the number and has the right webhook.", sid=service.sid)
    elif want.account.from_number:
        alone = may_change_service(facts, want)
        others = "" if alone else f" It has {_count(service)}, so it is not changed for you."
        yield SERVICE_OVERRIDES.found(
            f"{mask(want.account.from_number)} sits in {_name(service)}, whose webhook "
            f"{printable(hide_user(service.hook.url))} is used instead of the number's. It differs in: "
            f"{name_differences(service.hook.url, want.url)}.{others}",
            sid=service.sid,
            fixable=alone,
        )


def check_application(facts: Facts, want: Expectation) -> Iterator[Finding]:
    """Does an application decide?"""
    service = None if isinstance(facts.service, Missing) else facts.service
    if isinstance(facts.numbers, Missing) or not want.url or (service is not None and not service.defers_to_number):
        return
    for number in facts.numbers:
        if not number.application_sid:
            continue
        label, application = mask(number.number), facts.applications.get(number.application_sid)
        if application is None or isinstance(application, Missing):
            words = application.words if application is not None else "it was not read"
            yield APPLICATION_MISSING.found(
                f"{label} points at application {number.application_sid}: {words}.", sid=number.application_sid
            )
        elif is_same_place(application.hook.url, want.url):
            yield APPLICATION_DECIDES.found(f"{label} uses application {application.sid}, which has the right webhook.")
        else:
            url = printable(hide_user(application.hook.url)) or "none"
            yield APPLICATION_OVERRIDES.found(
                f"{label} uses application {application.sid}; the webhook there, {url}, counts instead of its own. It "
                f"differs in: {name_differences(application.hook.url, want.url)}.",
                sid=application.sid,
            )


def _missing_service(service: Missing, want: Expectation) -> Iterator[Finding]:
    if service.cause is Cause.NOT_ASKED:
        return
    if not want.account.from_number and service.cause is Cause.NOT_FOUND:
        yield SERVICE_MISSING.found(
            f"Account {want.account.account_sid} has no Messaging Service {want.account.messaging_service_sid}."
        )
    else:
        yield SERVICE_UNKNOWN.found(f"Which Messaging Service decides is not known: {service.words}.")


def _deferring(facts: Facts, want: Expectation, service: ServiceFact) -> Iterator[Finding]:
    if want.account.from_number:
        return  # the number's own webhook counts, as if there were no service
    routes = decide_routes(facts, want.account)
    wrong = [route for route in routes if not is_same_place(route.hook.url, want.url)]
    if isinstance(facts.numbers, Missing):
        yield SERVICE_UNKNOWN.found(f"{_name(service)} defers to its numbers, and those could not be read.")
    elif wrong:
        what = "; ".join(f"{route.label}: {name_differences(route.hook.url, want.url)}" for route in wrong[:3])
        yield SERVICE_DEFERS_WRONGLY.found(
            f"{_name(service)} defers to the webhooks of its numbers, and {len(wrong)} of {len(routes)} are not the "
            f"configured one ({what}).",
            sid=service.sid,
            wrong=len(wrong),
        )
    else:
        yield SERVICE_DEFERS.found(f"{_name(service)} defers to the webhooks of its numbers.", sid=service.sid)


def _name(service: ServiceFact) -> str:
    name = f" ({printable(service.name)})" if service.name else ""
    return f"Messaging Service {service.sid}{name}"


def _count(service: ServiceFact) -> str:
    return f"{len(service.pool)} number{'s' * (len(service.pool) != 1)}"


CHECKS = (check_service, check_integration, check_application)
