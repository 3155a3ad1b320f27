"""A `channels.sms` block as OpenClaw's documentation shows it loads unchanged and means the same.

Placeholder SIDs such as `ACxxxx…` are part of these examples: they are warned about, never refused.
"""

import pytest

from shared.secrets import describe_origin
from shared.settings import DmPolicy
from tests.unit.settings.conftest import Load

PLACEHOLDER = "this is no Twilio SID ({prefix} and 32 hex digits) but looks like a placeholder; Twilio will refuse it"
FILE = """{
  channels: {
    sms: {
      enabled: true,
      accountSid: "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      authToken: "twilio-auth-token",
      fromNumber: "+15551234567",
      publicWebhookUrl: "https://gateway.example.com/webhooks/sms",
      dmPolicy: "pairing",
    },
  },
}"""
ENVIRONMENT = {
    "TWILIO_ACCOUNT_SID": "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "TWILIO_AUTH_TOKEN": "<twilio-auth-token>",
    "TWILIO_PHONE_NUMBER": "+15551234567",
    "SMS_PUBLIC_WEBHOOK_URL": "https://gateway.example.com/webhooks/sms",
}


def test_the_configuration_file(load: Load) -> None:
    settings = load(FILE)
    account = settings.accounts["default"]
    assert account.auth_token is not None
    assert account.auth_token.reveal() == "twilio-auth-token"
    assert account.from_number == "+15551234567"
    assert account.public_webhook_url == "https://gateway.example.com/webhooks/sms"
    assert account.webhook_path == "/webhooks/sms"
    assert account.dm_policy is DmPolicy.PAIRING
    assert account.text_chunk_limit == 1500
    assert settings.warnings == (f"channels.sms.accountSid: {PLACEHOLDER.format(prefix='AC')}",)


def test_the_environment(load: Load) -> None:
    settings = load('{channels: {sms: {enabled: true, dmPolicy: "pairing"}}}', **ENVIRONMENT)
    account = settings.accounts["default"]
    assert account.auth_token is not None
    assert account.auth_token.reveal() == "<twilio-auth-token>"
    assert account.from_number == "+15551234567"
    assert account.receives


@pytest.mark.parametrize(
    "reference",
    [
        '{ source: "env", provider: "default", id: "TWILIO_AUTH_TOKEN" }',
        '"${TWILIO_AUTH_TOKEN}"',
        '"$TWILIO_AUTH_TOKEN"',
    ],
)
def test_the_auth_token_as_a_secret_reference(load: Load, reference: str) -> None:
    account = load(FILE.replace('"twilio-auth-token"', reference), TWILIO_AUTH_TOKEN="token").accounts["default"]
    assert account.auth_token is not None
    assert account.auth_token.reveal() == "token"
    assert describe_origin(account.auth_token) == "*** (env TWILIO_AUTH_TOKEN)"


def test_a_messaging_service_as_the_sender(load: Load) -> None:
    sender = 'messagingServiceSid: "MGxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"'
    settings = load(FILE.replace('fromNumber: "+15551234567"', sender))
    assert settings.accounts["default"].sender == "MGxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    assert f"channels.sms.messagingServiceSid: {PLACEHOLDER.format(prefix='MG')}" in settings.warnings


def test_a_default_target_for_what_is_sent_unasked(load: Load) -> None:
    settings = load(FILE.replace("dmPolicy", 'defaultTo: "+15557654321", dmPolicy'))
    assert settings.accounts["default"].default_to == "+15557654321"


def test_an_allowlist(load: Load) -> None:
    settings = load(FILE.replace('dmPolicy: "pairing"', 'dmPolicy: "allowlist", allowFrom: ["+15557654321"]'))
    account = settings.accounts["default"]
    assert account.dm_policy is DmPolicy.ALLOWLIST
    assert account.allow_from == {"+15557654321"}


def test_disabled_signature_validation_for_a_local_tunnel(load: Load) -> None:
    settings = load("{channels: {sms: {dangerouslyDisableSignatureValidation: true}}}", **ENVIRONMENT)
    assert settings.accounts["default"].dangerously_disable_signature_validation
    assert any("ANYBODY" in warning for warning in settings.warnings)


def test_several_accounts_without_a_base_block(load: Load) -> None:
    settings = load("""{
      channels: {
        sms: {
          accounts: {
            support: {
              enabled: true,
              accountSid: "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
              authToken: "twilio-auth-token",
              fromNumber: "+15551234567",
              publicWebhookUrl: "https://gateway.example.com/webhooks/sms/support",
              webhookPath: "/webhooks/sms/support",
              dmPolicy: "allowlist",
              allowFrom: ["+15557654321"],
            },
          },
        },
      },
    }""")
    assert list(settings.accounts) == ["support"]
    assert settings.default_account_id == "support"
    assert settings.accounts["support"].webhook_path == "/webhooks/sms/support"
