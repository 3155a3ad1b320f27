"""Where a text to one of our numbers goes, by what is configured at Twilio. Pure.

A Messaging Service decides for its numbers unless it defers to them; then the number's application, if it has one; then
the number itself. Sources: twilio.com/docs/messaging/api/service-resource,
twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
"""

from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from shared.config_rules import is_loopback_url
from shared.phone import mask, mask_numbers
from shared.settings import Account
from workers.probe.facts import Facts, Hook, Missing, NumberFact


class Owner(StrEnum):
    """What holds the webhook that counts."""

    NUMBER = "number"
    SERVICE = "service"
    APPLICATION = "application"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The webhook that counts for one number, or for all numbers of a service."""

    owner: Owner
    sid: str
    label: str
    """What holds it, for people; numbers masked."""
    hook: Hook
    number: NumberFact | None
    """None: all numbers of the service."""


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What the facts are compared with."""

    account: Account
    ingress_port: int = 8080
    """Where the local ingress listens; for hints."""
    sandboxed: bool = False
    """Twilio is a stand-in on this machine, so loopback addresses are fine."""
    low_balance: float = 0.0
    """Warn below this much, in the account's currency; 0: never."""

    @property
    def url(self) -> str:
        """The URL that Twilio should have; empty if none is configured."""
        return self.account.public_webhook_url or ""

    @property
    def is_public(self) -> bool:
        """Whether Twilio can reach that URL, as far as its form tells."""
        if self.sandboxed and is_loopback_url(self.url):
            return True
        return not is_private_host(urlsplit(self.url).hostname or "")


def is_private_host(host: str) -> bool:
    """Whether a host name or address is, by its form alone, none that the internet reaches."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan", ".home.arpa")):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host


def decide_routes(facts: Facts, account: Account) -> tuple[Route, ...]:
    """One per number, or one for the whole service; none where too little is known."""
    service = None if isinstance(facts.service, Missing) else facts.service
    if service is not None and not service.defers_to_number:
        label = f"Messaging Service {service.sid}"
        number = _only_number(facts) if account.from_number else None
        return (Route(owner=Owner.SERVICE, sid=service.sid, label=label, hook=service.hook, number=number),)
    if isinstance(facts.numbers, Missing) or (service is None and not account.from_number):
        return ()
    return tuple(route for number in facts.numbers if (route := _own_route(facts, number)) is not None)


def _own_route(facts: Facts, number: NumberFact) -> Route | None:
    if not number.application_sid:
        return Route(
            owner=Owner.NUMBER, sid=number.sid, label=f"number {mask(number.number)}", hook=number.hook, number=number
        )
    application = facts.applications.get(number.application_sid)
    if application is None or isinstance(application, Missing):
        return None
    label = f"application {application.sid}"
    return Route(owner=Owner.APPLICATION, sid=application.sid, label=label, hook=application.hook, number=number)


def _only_number(facts: Facts) -> NumberFact | None:
    return facts.numbers[0] if not isinstance(facts.numbers, Missing) and facts.numbers else None


def may_change_service(facts: Facts, want: Expectation) -> bool:
    """Whether the service's webhook is ours to change: it is the configured one, or it holds our number only."""
    service = facts.service
    if service is None or isinstance(service, Missing):
        return False
    return not want.account.from_number or len(service.pool) <= 1


def printable(text: str) -> str:
    """Words of Twilio's side, fit for a terminal and a log: no control characters, no numbers, not too long."""
    return mask_numbers("".join(char if char.isprintable() else "�" for char in text))[:300]
