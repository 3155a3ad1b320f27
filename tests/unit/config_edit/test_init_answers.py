"""Each of the five answers is checked at once, and what is wrong with it is said."""

from collections.abc import Callable

import pytest

from cli.init_answers import (
    Answers,
    check_account_sid,
    check_own_number,
    check_sender,
    check_token,
    check_url,
    check_variable,
)
from cli.init_steps import describe_steps, funnel_command
from shared.phone import Address
from shared.secrets import SecretRef, SecretSource

HEX = "0123456789abcdef0123456789abcdef"
ANSWERS = Answers(
    account_sid=f"AC{HEX}",
    auth_token=SecretRef(source=SecretSource.ENV, id="TWILIO_AUTH_TOKEN"),
    sender="+15551234567",
    public_webhook_url="https://sms.example.com/webhooks/sms#rc=3&rp=ct,rt,5xx",
)


def answers(**changes: object) -> Answers:
    values = {name: getattr(ANSWERS, name) for name in ANSWERS.__struct_fields__}
    return Answers(**{**values, **changes})


@pytest.mark.parametrize(
    ("check", "text", "said"),
    [
        (check_account_sid, "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "AC and 32 hex digits: it stands on the first page"),
        (check_account_sid, f"SK{HEX}", "this is the SID of an API key"),
        (check_account_sid, "", "expected the account SID"),
        (check_token, f"AC{HEX}", "this is the account SID"),
        (check_token, "canary", "press Show beside it"),
        (check_variable, HEX, "not what it holds"),
        (check_sender, "MG123", "MG and 32 hex digits"),
        (check_sender, "0123", "write the country code after a plus"),
        (check_sender, "555 123 4567", "a number without its country code; write it after a plus"),
        (check_sender, "15551234567", "a number without its country code"),
        (check_own_number, "5557654321", "a number without its country code"),
        (check_url, "sms.example.com/webhooks/sms", "expected the webhook URL"),
        (check_url, "https://sms.example.com", "such as https://sms.example.com/webhooks/sms"),
        (check_own_number, "home", "characters that no number has"),
    ],
)
def test_a_wrong_answer_says_what_is_expected_and_not_what_was_given(
    check: Callable[[str], object], text: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        check(text)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("check", "text", "answer"),
    [
        (check_account_sid, f"AC{HEX}", f"AC{HEX}"),
        (check_token, HEX, HEX),
        (check_sender, "+1 (555) 123-4567", "+15551234567"),
        (check_sender, f"MG{HEX}", f"MG{HEX}"),
        (check_url, "https://a.example/sms", "https://a.example/sms#rc=3&rp=ct,rt,5xx"),
        (check_url, "https://a.example/sms#rc=1", "https://a.example/sms#rc=1"),
        (check_own_number, "", None),
    ],
)
def test_a_right_answer_is_taken_in_its_final_form(check: Callable[[str], object], text: str, answer: object) -> None:
    assert check(text) == answer


def test_the_patch_leaves_one_sender_and_a_reference_to_the_token() -> None:
    sms = ANSWERS.as_patch({})["channels"]["sms"]
    assert sms["authToken"] == {"source": "env", "provider": "default", "id": "TWILIO_AUTH_TOKEN"}
    assert (sms["fromNumber"], sms["messagingServiceSid"]) == ("+15551234567", None)
    service = answers(sender=f"MG{HEX}").as_patch({})["channels"]["sms"]
    assert (service["fromNumber"], service["messagingServiceSid"]) == (None, f"MG{HEX}")


def test_an_existing_policy_stays_and_nobody_leaves_the_list() -> None:
    existing = {"channels": {"sms": {"dmPolicy": "disabled", "allowFrom": ["+15550001111"]}}}
    sms = answers(own_number=Address("+15557654321")).as_patch(existing)["channels"]["sms"]
    assert "dmPolicy" not in sms
    assert sms["allowFrom"] == ["+15550001111", "+15557654321"]


@pytest.mark.parametrize(
    ("path", "route"), [("/sms/in", "/sms/in"), ("/healthz", "/webhooks/sms"), ("/a%20b", "/webhooks/sms")]
)
def test_the_local_route_is_the_public_path_where_it_can_be(path: str, route: str) -> None:
    assert answers(public_webhook_url=f"https://a.example{path}").webhook_path == route


@pytest.mark.parametrize(
    ("url", "command"),
    [
        (
            "https://box.tail1.ts.net/webhooks/sms#rc=3",
            "tailscale funnel --bg --set-path /webhooks/sms http://127.0.0.1:8080/webhooks/sms",
        ),
        (
            "https://box.tail1.ts.net:8443/in",
            "tailscale funnel --bg --https=8443 --set-path /in http://127.0.0.1:8080/in",
        ),
        ("https://ts.net.example.com/webhooks/sms", None),
    ],
)
def test_a_tailscale_host_gets_the_funnel_command(url: str, command: str | None) -> None:
    assert funnel_command(answers(public_webhook_url=url), port=8080) == command


def test_the_steps_name_the_exact_url_and_method_and_what_to_type() -> None:
    steps = "\n".join(describe_steps(ANSWERS, port=8080, token_is_set=False, is_echo=True, config="/etc/t.json5"))
    assert "1. Set TWILIO_AUTH_TOKEN" in steps
    assert "A message comes in: Webhook, method HTTP POST" in steps
    assert "\n   https://sms.example.com/webhooks/sms#rc=3&rp=ct,rt,5xx\n" in steps
    assert "textgate config validate --config /etc/t.json5 && textgate up --config /etc/t.json5" in steps
    assert "pairing approve CODE" in steps
    assert "An echo answers until you set agent.kind" in steps
    assert "textgate config set agent.kind python --config /etc/t.json5" in steps


def test_a_messaging_service_is_set_at_the_service_and_a_wrong_funnel_port_is_named() -> None:
    service = answers(
        sender=f"MG{HEX}", public_webhook_url="https://box.tail1.ts.net:9000/in", own_number=Address("+15557654321")
    )
    steps = "\n".join(describe_steps(service, port=8080, token_is_set=True, is_echo=False))
    assert f"Services > MG{HEX} > Integration" in steps
    assert "443, 8443, 10000 only: 9000 will not work" in steps
    assert "pairing approve" not in steps
    assert "from your own number, which needs no pairing. The agent answers." in steps
    assert "echo" not in steps
