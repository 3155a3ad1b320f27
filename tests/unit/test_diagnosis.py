"""The log says which part of the URL differs, and never guesses."""

import pytest

from ingress.diagnosis import Seen, explain
from ingress.signature import signature, signed_parameters

FORM = [("MessageSid", "SM1"), ("Body", "hello")]
OURS = "https://gate.example.com/webhooks/sms"


@pytest.mark.parametrize(
    ("signed", "part"),
    [
        ("http://gate.example.com/webhooks/sms", "scheme of"),
        ("https://other.example.com/webhooks/sms", "host of"),
        ("https://gate.example.com:8443/webhooks/sms", "port of"),
        ("https://gate.example.com/webhooks/sms/", "path of"),
        ("https://gate.example.com/sms", "path of"),
        ("https://gate.example.com/webhooks/sms?tenant=1", "query of"),
        ("https://other.example.com/sms", "host and path of"),
    ],
)
def test_the_part_that_differs_is_named(signed: str, part: str) -> None:
    given = signature("token", signed, signed_parameters(FORM))
    host, _, rest = signed.partition("://")[2].partition("/")
    path, _, query = rest.partition("?")
    seen = Seen(hosts=(host,), path=f"/{path}", query=query)
    said = explain(given=given, keys=("token",), url=OURS, parameters=signed_parameters(FORM), seen=seen)
    assert said.startswith(part)
    assert signed in said


def test_a_wrong_token_is_named_without_showing_any() -> None:
    given = signature("theirs", OURS, signed_parameters(FORM))
    seen = Seen(hosts=("gate.example.com",), path="/webhooks/sms", query="")
    said = explain(given=given, keys=("ours-secret",), url=OURS, parameters=signed_parameters(FORM), seen=seen)
    assert "token differs" in said
    assert "ours-secret" not in said
    assert "no X-Twilio-Signature" in explain(
        given="", keys=("t",), url=OURS, parameters=signed_parameters(FORM), seen=seen
    )
