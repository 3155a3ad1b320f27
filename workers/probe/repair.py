"""Plans what `--fix` would change at Twilio, and carries a change out: old and new of each field, read back afterwards.

Only messaging fields are ever written (`WRITABLE`), and only those that differ: nothing of Voice, no name, no fallback.
A change can be turned round (`undone`), which is what `--undo` does.
Sources: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource, twilio.com/docs/messaging/api/service-resource.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from shared.errors import PermanentError
from shared.phone import mask
from shared.settings import Account
from workers.probe.ask import Asker
from workers.probe.facts import Facts, Missing, NumberFact
from workers.probe.route import Expectation, Owner, Route, decide_routes, may_change_service
from workers.probe.urls import hide_user, is_same_place

Value = str | bool


class Target(StrEnum):
    """What is changed."""

    NUMBER = "number"
    SERVICE = "service"


WRITABLE: dict[Target, frozenset[str]] = {
    Target.NUMBER: frozenset({"sms_url", "sms_method", "sms_application_sid"}),
    Target.SERVICE: frozenset({"inbound_request_url", "inbound_method", "use_inbound_webhook_on_number"}),
}
"""The only fields that are ever written, by Twilio's names."""


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field, by Twilio's name."""

    name: str
    old: Value
    new: Value


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One resource that is to be changed, or was. Fit for JSON; the label is masked."""

    target: Target
    sid: str
    label: str
    fields: tuple[FieldChange, ...]

    def undone(self) -> "Change":
        """The change that takes this one back."""
        turned = tuple(
            FieldChange(name=each.name, old=each.new, new=each.old)
            for each in self.fields
            if each.old or not each.name.endswith("method")  # no method at all cannot be written
        )
        return msgspec.structs.replace(self, fields=turned)


def plan_changes(facts: Facts, want: Expectation) -> tuple[Change, ...]:
    """What would lead texts to the configured URL. Empty: nothing, or nothing that is ours to change.

    A URL that Twilio cannot reach is never written.
    """
    if not want.url or not want.is_public:
        return ()
    service = None if isinstance(facts.service, Missing) else facts.service
    if service is not None and may_change_service(facts, want):
        is_ours = not want.account.from_number
        if not service.defers_to_number or (is_ours and _any_differs(facts, want)):
            fields: dict[str, tuple[Value, Value]] = {
                "inbound_request_url": (service.hook.url, want.url),
                "inbound_method": (service.hook.method, "POST"),
                "use_inbound_webhook_on_number": (service.defers_to_number, False),
            }
            return tuple(_change(Target.SERVICE, service.sid, f"Messaging Service {service.sid}", fields))
    if isinstance(facts.numbers, Missing) or not want.account.from_number:
        return ()
    if service is not None and not service.defers_to_number:
        return ()  # the service of others decides; a change at the number would have no effect
    return tuple(change for number in facts.numbers for change in _number_change(facts, number, want))


async def with_true_values(twilio: Asker, account: Account, change: Change) -> Change:
    """The change with what really stands at Twilio now as its old values: save it before `apply_change`.

    Raises as Twilio's API does.
    """
    current = await read_fields(twilio, account, change)
    fields = tuple(msgspec.structs.replace(each, old=current[each.name]) for each in change.fields)
    return msgspec.structs.replace(change, fields=fields)


async def apply_change(twilio: Asker, account: Account, change: Change) -> None:
    """Write the new values and read them back.

    Raises PermanentError if a field is not ours to write or did not take the value; and as Twilio's API does.
    """
    strange = {each.name for each in change.fields} - WRITABLE[change.target]
    if strange:
        raise PermanentError(f"not ours to write: {', '.join(sorted(strange))}", code="not-writable")
    wanted = {each.name: each.new for each in change.fields}
    await twilio.ask(account, lambda client: _context(client, change).update_async(**wanted))
    after = await read_fields(twilio, account, change)
    wrong = sorted(name for name, value in wanted.items() if after[name] != value)
    if wrong:
        raise PermanentError(f"Twilio did not keep {', '.join(wrong)} of the {change.label}", code="not-kept")


async def read_fields(twilio: Asker, account: Account, change: Change) -> dict[str, Value]:
    """The fields of a change as they stand at Twilio now. Raises as Twilio's API does."""
    resource = await twilio.ask(account, lambda client: _context(client, change).fetch_async())
    values = {each.name: getattr(resource, each.name) for each in change.fields}
    return {name: value if isinstance(value, bool) else str(value or "") for name, value in values.items()}


def _context(client: Any, change: Change) -> Any:
    match change.target:
        case Target.NUMBER:
            return client.incoming_phone_numbers(change.sid)
        case Target.SERVICE:
            return client.messaging.v1.services(change.sid)


def _any_differs(facts: Facts, want: Expectation) -> bool:
    routes = decide_routes(facts, want.account)
    return any(route.hook.url != want.url or route.hook.method != "POST" for route in routes) or not routes


def _number_change(facts: Facts, number: NumberFact, want: Expectation) -> Iterator[Change]:
    """Let the number's own webhook count. An application is taken off, not changed: other numbers may use it."""
    route = next((each for each in decide_routes(facts, want.account) if each.number == number), None)
    if route is not None and route.owner is Owner.APPLICATION and _is_right(route, want):
        return
    fields: dict[str, tuple[Value, Value]] = {
        "sms_url": (number.hook.url, want.url),
        "sms_method": (number.hook.method, "POST"),
        "sms_application_sid": (number.application_sid, ""),
    }
    yield from _change(Target.NUMBER, number.sid, f"number {mask(number.number)}", fields)


def _is_right(route: Route, want: Expectation) -> bool:
    return route.hook.method == "POST" and is_same_place(route.hook.url, want.url)


def _shown(old: Value) -> Value:
    """Without a password in a URL: a plan is shown and stored. `with_true_values` gets the exact one."""
    return hide_user(old) if isinstance(old, str) else old


def _change(target: Target, sid: str, label: str, fields: dict[str, tuple[Value, Value]]) -> Iterator[Change]:
    changed = tuple(
        FieldChange(name=name, old=_shown(old), new=new) for name, (old, new) in fields.items() if old != new
    )
    if changed:
        yield Change(target=target, sid=sid, label=label, fields=changed)
