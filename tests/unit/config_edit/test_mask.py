"""A diff shows the change and no secret, wherever the secret stands."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from shared.config_edit_mask import show_diff
from shared.settings_channels import SmsSection

CANARY = "canary0d9f8a7b6c5e4f3a2b1c"


def shown(before: str, after: str) -> str:
    return "\n".join(show_diff(before.encode(), after.encode(), name="f"))


@pytest.mark.parametrize(
    "text",
    [
        '{channels: {sms: {authToken: "%s"}}}',
        "{channels: {sms: {accounts: {a: {authTokenSecondary: '%s'}}}}}",
        '{channels: {sms: {webhookSigningKeys: {k: "%s"}}}}',
        '{channels: {sms: {apiKeySecret: {source: "exec", id: "/bin/pass %s"}}}}',
        '{channels: {sms: {authToken: {source: "env", id: "%s"}}}}',
        '{channels: {sms: {authToken: {source: "env", id: ["%s"]}}}}',
        '{channels: {sms: {authToken: {source: "env", id: {a: "%s"}}}}}',
        '{channels: {sms: {authToken: {token: "%s"}}}}',
        '{channels: {sms: {authToken: ["%s"]}}}',
        '{channels: {sms: {authtoken: "%s"}}}',
        '{channels: {sms: {unknown: [1, {a: "%s"}]}}}',
        '{channels: {sms: {unknown: {a: {b: "%s"}}}}}',
        '{redis: {url: "redis://:%s@host"}}',
        '{secrets: {providers: {vault: {source: "exec", args: ["--token", "%s"]}}}}',
        '{channels: {sms: {\n// authToken: "%s",\n}}}',
        "{channels: {sms: {/* token = %s */}}}",
        "{authToken: '\\\n%s'}",
        '\ufeff{channels: {sms: {unknown: [1, /* "key": */ "%s"]}}}',
    ],
)
def test_no_secret_is_shown_whether_it_comes_stays_or_goes(text: str) -> None:
    full, other, empty = text % CANARY, text % "other", "{}"
    for before, after in ((full, empty), (empty, full), (full, other), (other, full), (full, f"{full}\n")):
        assert CANARY not in shown(before, after)


@settings(deadline=None)
@given(st.sampled_from([field for field in SmsSection.__struct_encode_fields__ if field != "name"]), st.booleans())
def test_a_key_written_in_another_case_shows_nothing(key: str, lower: bool) -> None:
    text = json.dumps({"channels": {"sms": {key.lower() + ("" if lower else "x"): CANARY}}})
    assert key.islower() or CANARY not in shown(text, "{}")


def test_a_changed_secret_is_seen_to_change() -> None:
    before = '{channels: {sms: {\nauthToken: "one",\n}}}'
    after = before.replace("one", "two")
    assert '-authToken: "***",' in shown(before, after)
    assert '+authToken: "*** (changed)",' in shown(before, after)


def test_what_is_no_secret_is_shown() -> None:
    text = '{channels: {sms: {authToken: {source: "env", id: "TWILIO_AUTH_TOKEN"}, name: "Home"}}}'
    assert f"+{text}" in shown("{}", text)
    file = text.replace('"env", id: "TWILIO_AUTH_TOKEN"', '"file", id: "/run/secrets/twilio"')
    assert f"+{file}" in shown("{}", file)


def test_no_change_is_no_diff() -> None:
    assert shown("{a: 1}", "{a: 1}") == ""
