"""Where an inbound text goes, and which words Twilio obeys by itself."""

import pytest

from sandbox.config import SandboxApplication, SandboxNumber, SandboxService
from sandbox.inbound import decide_opt_out_type, decide_target
from sandbox.webhooks import Place, find_place

NUMBER = SandboxNumber(number="+12025550100", account_sid="AC1", sms_url="http://127.0.0.1/number", sms_method="GET")
HOOK = "http://127.0.0.1/service"


def service(*, hook: str = HOOK, defer: bool = False) -> SandboxService:
    return SandboxService(
        sid="MG1",
        account_sid="AC1",
        numbers=(NUMBER.number,),
        inbound_request_url=hook,
        use_inbound_webhook_on_number=defer,
    )


@pytest.mark.parametrize(
    ("pool", "url", "method"),
    [
        (None, NUMBER.sms_url, "GET"),
        (service(), HOOK, "POST"),
        (service(hook=""), "", "POST"),
        (service(defer=True), NUMBER.sms_url, "GET"),
    ],
)
def test_a_service_takes_the_text_unless_it_defers(pool: SandboxService | None, url: str, method: str) -> None:
    target = decide_target(NUMBER, pool)
    assert (target.url, target.method) == (url, method)


def test_an_application_counts_instead_of_the_numbers_own_webhook() -> None:
    application = SandboxApplication(sid="AP1", account_sid="AC1", sms_url="http://127.0.0.1/application")
    assert decide_target(NUMBER, None, application).url == application.sms_url
    assert decide_target(NUMBER, service(defer=True), application).url == application.sms_url
    assert decide_target(NUMBER, service(), application).url == HOOK


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("STOP", "STOP"),
        (" unsubscribe\n", "STOP"),
        ("Yes", "START"),
        ("info", "HELP"),
        ("please stop", ""),
        ("", ""),
    ],
)
def test_only_a_body_that_is_the_keyword_counts(body: str, kind: str) -> None:
    assert decide_opt_out_type(body) == kind


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("+14155550123", Place("SAN FRANCISCO", "CA", "94103", "US")),
        ("rcs:+14155550123", Place("SAN FRANCISCO", "CA", "94103", "US")),
        ("+19995550123", Place(country="US")),
        ("+4930123456", Place(country="DE")),
        ("+99", Place()),
        ("55555", Place()),
    ],
)
def test_places_are_as_exact_as_known(number: str, place: Place) -> None:
    assert find_place(number) == place
