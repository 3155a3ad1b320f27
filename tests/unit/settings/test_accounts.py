"""Accounts are merged, normalised and resolved; the environment fills in only the default one."""

from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.secrets import describe_origin
from shared.settings import Account, DmPolicy, RateLimits
from tests.unit.settings.conftest import Load

SID = "AC0123456789abcdef0123456789abcdef"
OTHER_SID = "AC99999999999999999999999999999999"
BASE = (
    f'accountSid: "{SID}", authToken: "base-token", fromNumber: "+15550000001", '
    'publicWebhookUrl: "https://a.example/webhooks/sms"'
)
ENVIRONMENT = {
    "TWILIO_ACCOUNT_SID": SID,
    "TWILIO_AUTH_TOKEN": "environment-token",
    "TWILIO_PHONE_NUMBER": "+15550000009",
    "SMS_PUBLIC_WEBHOOK_URL": "https://gateway.example.com/webhooks/sms",
}


def sms(text: str) -> str:
    return "{channels: {sms: {" + text + "}}}"


def token(account: Account) -> str | None:
    return account.auth_token.reveal() if account.auth_token else None


# The environment


@pytest.mark.parametrize("text", ["{}", "{channels: {}}", sms('enabled: true, dmPolicy: "pairing"')])
def test_the_environment_alone_is_a_complete_setup(load: Load, text: str) -> None:
    settings = load(text, **ENVIRONMENT)
    account = settings.accounts["default"]
    assert settings.default_account_id == "default"
    assert settings.warnings == ()
    assert account.account_sid == SID
    assert account.from_number == "+15550000009"
    assert account.public_webhook_url == "https://gateway.example.com/webhooks/sms"
    assert describe_origin(account.auth_token) == "*** (env TWILIO_AUTH_TOKEN)"
    assert account.dm_policy is DmPolicy.PAIRING
    assert account.receives


def test_every_variable_reaches_its_setting(load: Load) -> None:
    settings = load(
        sms('dmPolicy: "allowlist"'),
        **ENVIRONMENT
        | {
            "TWILIO_MESSAGING_SERVICE_SID": "MG0123456789abcdef0123456789abcdef",
            "SMS_WEBHOOK_PATH": " /texts ",
            "SMS_ALLOWED_USERS": "+15557654321, sms:15557654322 ,",
            "SMS_TEXT_CHUNK_LIMIT": "160",
            "SMS_DANGEROUSLY_DISABLE_SIGNATURE_VALIDATION": "TRUE",
            "TEXTGATE_REDIS_URL": "redis://:password@localhost",
            "TEXTGATE_TWILIO_API_BASE": "http://127.0.0.1:4010/",
        },
    )
    account = settings.accounts["default"]
    assert account.messaging_service_sid == "MG0123456789abcdef0123456789abcdef"
    assert account.webhook_path == "/texts"
    assert account.allow_from == {"+15557654321", "+15557654322"}
    assert account.text_chunk_limit == 160
    assert account.dangerously_disable_signature_validation
    assert settings.redis.url is not None
    assert settings.redis.url.reveal() == "redis://:password@localhost"
    assert settings.twilio_api_base == "http://127.0.0.1:4010"


def test_the_alias_of_the_phone_number_counts_only_without_the_first_name(load: Load) -> None:
    alias = {"TWILIO_SMS_FROM": "+15550000008"}
    assert load("{}", **ENVIRONMENT | alias).accounts["default"].from_number == "+15550000009"
    assert (
        load("{}", **ENVIRONMENT | alias | {"TWILIO_PHONE_NUMBER": " "}).accounts["default"].from_number
        == "+15550000008"
    )


def test_the_file_wins_over_the_environment_wherever_it_says_something(load: Load) -> None:
    text = sms(f"{BASE}, textChunkLimit: 300, allowFrom: [], dangerouslyDisableSignatureValidation: false")
    account = load(
        text,
        **ENVIRONMENT
        | {
            "SMS_TEXT_CHUNK_LIMIT": "not even a number",
            "SMS_ALLOWED_USERS": "+15557654321",
            "SMS_DANGEROUSLY_DISABLE_SIGNATURE_VALIDATION": "true",
        },
    ).accounts["default"]
    assert token(account) == "base-token"
    assert account.from_number == "+15550000001"
    assert account.public_webhook_url == "https://a.example/webhooks/sms"
    assert account.text_chunk_limit == 300
    assert account.allow_from == frozenset()
    assert not account.dangerously_disable_signature_validation


def test_the_environment_fills_in_what_the_file_leaves_out(load: Load) -> None:
    account = load(sms(f'accountSid: "{OTHER_SID}"'), **ENVIRONMENT).accounts["default"]
    assert account.account_sid == OTHER_SID
    assert token(account) == "environment-token"


def test_null_in_the_file_says_none_so_the_environment_is_not_asked(load: Load) -> None:
    service = {"TWILIO_MESSAGING_SERVICE_SID": "MG0123456789abcdef0123456789abcdef"}
    account = load(sms("fromNumber: null"), **ENVIRONMENT | service).accounts["default"]
    assert account.from_number is None
    assert account.sender == service["TWILIO_MESSAGING_SERVICE_SID"]


def test_variables_that_only_tune_do_not_make_an_account(load: Load) -> None:
    settings = load("{}", SMS_PUBLIC_WEBHOOK_URL="https://a.example/webhooks/sms", SMS_ALLOWED_USERS="nonsense")
    assert settings.accounts == {}


def test_nothing_at_all_loads_without_accounts_and_says_so(load: Load) -> None:
    settings = load("{}")
    assert settings.accounts == {}
    assert settings.default_account_id is None
    assert settings.warnings == (
        "channels.sms: no account is configured, so nothing is received or sent; "
        "add one, or try `textgate up --sandbox`",
    )


def test_the_environment_never_reaches_an_account_other_than_default(load: Load) -> None:
    text = sms(f'accounts: {{support: {{{BASE}}}}}, defaultAccount: "support"')
    account = load(text, TWILIO_AUTH_TOKEN="environment-token", SMS_TEXT_CHUNK_LIMIT="7").accounts["support"]
    assert token(account) == "base-token"
    assert account.text_chunk_limit == 1500


# Numbers as they are written


def written_as(number: str) -> str:
    return BASE.replace('"+15550000001"', number)


@pytest.mark.parametrize("written", ['"5551234567"', "5551234567", '"(555) 123-4567"'])
def test_a_number_without_its_country_code_is_read_as_another_countrys_and_warned_of(load: Load, written: str) -> None:
    settings = load(sms(f"{written_as(written)}, allowFrom: [{written}], blockFrom: ['40404', {written}]"))
    misread = "a number without a plus, read as one of +55; write it as + and the country code"
    assert settings.warnings[-3:] == (
        f"channels.sms.fromNumber: {misread}",
        f"channels.sms.allowFrom[0]: {misread}",
        f"channels.sms.blockFrom[1]: {misread}",
    )


@pytest.mark.parametrize("written", ['"15551234567"', "15551234567", '"+4712345678"', '"sms:+1 (555) 123-4567"'])
def test_a_number_with_its_country_code_is_not_warned_of(load: Load, written: str) -> None:
    assert not [line for line in load(sms(written_as(written))).warnings if "fromNumber" in line]


# Which accounts there are


@pytest.mark.parametrize(
    ("text", "environ", "ids"),
    [
        (BASE, {}, ["default"]),
        (f"{BASE}, accounts: {{}}", {}, ["default"]),
        (f'{BASE}, accounts: {{a: {{webhookPath: "/a"}}}}', {}, ["default", "a"]),
        (f'accounts: {{b: {{{BASE}}}, a: {{{BASE}, webhookPath: "/a"}}}}', {}, ["b", "a"]),
        (f"accounts: {{default: {{{BASE}}}}}", {}, ["default"]),
        (f"accounts: {{a: {{{BASE}}}}}", {"TWILIO_AUTH_TOKEN": "t"}, ["a"]),
        (f'accounts: {{a: {{{BASE}, webhookPath: "/a"}}}}', ENVIRONMENT, ["default", "a"]),
        (f'accountSid: "{SID}", authToken: "t", accounts: {{a: {{fromNumber: "+15550000002"}}}}', {}, ["a"]),
    ],
)
def test_the_base_block_is_an_account_if_it_names_a_sender(
    load: Load, text: str, environ: dict[str, str], ids: list[str]
) -> None:
    assert list(load(sms(text), **environ).accounts) == ids


@pytest.mark.parametrize(
    ("text", "default_id"),
    [
        (BASE, "default"),
        (f'accounts: {{b: {{{BASE}}}, a: {{{BASE}, webhookPath: "/a"}}}}', "b"),
        (f'accounts: {{b: {{{BASE}}}, a: {{{BASE}, webhookPath: "/a"}}}}, defaultAccount: "a"', "a"),
        (f'accounts: {{b: {{{BASE}}}, default: {{{BASE}, webhookPath: "/a"}}}}', "default"),
        (f'{BASE}, defaultAccount: "default"', "default"),
    ],
)
def test_the_default_account_is_the_one_named_else_default_else_the_first(
    load: Load, text: str, default_id: str
) -> None:
    assert load(sms(text)).default_account_id == default_id


# Merging


def test_an_account_inherits_what_it_does_not_say(load: Load) -> None:
    text = (
        f'{BASE}, textChunkLimit: 300, segmentsPerSecond: 5, allowFrom: ["+15557654321"], defaultTo: 15557654321, '
        'accounts: {a: {webhookPath: "/a", segmentsPerSecond: 2, fromNumber: "+15550000002", defaultTo: null}}'
    )
    account = load(sms(text)).accounts["a"]
    assert account.account_sid == SID
    assert token(account) == "base-token"
    assert account.from_number == "+15550000002"
    assert account.text_chunk_limit == 300
    assert account.segments_per_second == 2
    assert account.allow_from == {"+15557654321"}
    assert account.default_to is None


def test_a_list_is_replaced_not_extended(load: Load) -> None:
    text = f'{BASE}, allowFrom: ["+15557654321"], accounts: {{a: {{webhookPath: "/a", allowFrom: [15557654322]}}}}'
    assert load(sms(text)).accounts["a"].allow_from == {"+15557654322"}


def test_rate_limits_are_merged_key_by_key(load: Load) -> None:
    text = (
        f"{BASE}, rateLimits: {{perSenderPerMinute: 1, perAccountPerMinute: 2}}, "
        'accounts: {a: {webhookPath: "/a", rateLimits: {perAccountPerMinute: 0}}}'
    )
    limits = load(sms(text)).accounts["a"].rate_limits
    assert limits == RateLimits(per_sender_per_minute=1, per_account_per_minute=0, failed_signatures_per_minute=300)


@pytest.mark.parametrize(
    ("base", "own", "credentials"),
    [
        ('authToken: "base"', "", ("base", None, None)),
        ('authToken: "base", authTokenSecondary: "old"', "", ("base", "old", None)),
        ('authToken: "base", authTokenSecondary: "old"', 'authToken: "own"', ("own", None, None)),
        ('authToken: "base"', 'authTokenSecondary: "own"', ("base", "own", None)),
        ('authToken: "base", authTokenSecondary: "old"', "authTokenSecondary: null", ("base", None, None)),
        ('authToken: "base", apiKeySid: "SKb", apiKeySecret: "base"', "", ("base", None, ("SKb", "base"))),
        (
            'authToken: "base", apiKeySid: "SKb", apiKeySecret: "base"',
            'apiKeySid: "SKo", apiKeySecret: "own"',
            ("base", None, ("SKo", "own")),
        ),
        ('authToken: "base", apiKeySid: "SKb", apiKeySecret: "base"', "apiKeySid: null", ("base", None, None)),
        ('authToken: "base"', f'accountSid: "{SID}"', ("base", None, None)),
        (
            'authToken: "base", authTokenSecondary: "old", apiKeySid: "SKb", apiKeySecret: "base"',
            f'accountSid: "{OTHER_SID}", authToken: "own"',
            ("own", None, None),
        ),
    ],
)
def test_credentials_come_from_the_base_block_only_for_the_same_sid_and_never_in_halves(
    load: Load, base: str, own: str, credentials: tuple[str, str | None, tuple[str, str] | None]
) -> None:
    comma = ", " if own else ""
    text = f'accountSid: "{SID}", {base}, accounts: {{a: {{fromNumber: "+15550000002"{comma}{own}}}}}'
    account = load(sms(text)).accounts["a"]
    key = (account.api_key_sid, account.api_key_secret.reveal()) if account.api_key_secret else None
    secondary = account.auth_token_secondary.reveal() if account.auth_token_secondary else None
    assert (token(account), secondary, key) == credentials


def test_half_an_api_key_is_not_completed_from_the_base_block(load: Load) -> None:
    text = f'{BASE}, apiKeySid: "SKb", apiKeySecret: "base", accounts: {{a: {{webhookPath: "/a", apiKeySid: "SKo"}}}}'
    with pytest.raises(ConfigError, match=r"^channels\.sms\.accounts\.a\.apiKeySecret: missing"):
        load(sms(text))


def test_siblings_share_nothing(load: Load) -> None:
    text = f"""accounts: {{
        a: {{accountSid: "{SID}", authToken: "a-token", fromNumber: "+15550000001"}},
        b: {{accountSid: "{SID}", fromNumber: "+15550000002", webhookPath: "/b"}},
    }}"""
    with pytest.raises(ConfigError, match=r"^channels\.sms\.accounts\.b\.authToken: missing"):
        load(sms(text))


def test_an_account_is_on_only_if_the_channel_is_on_too(load: Load) -> None:
    accounts = 'accounts: {a: {enabled: true, webhookPath: "/a"}, b: {enabled: false}}'
    on = load(sms(f"{BASE}, {accounts}"))
    assert list(on.enabled_accounts) == ["default", "a"]
    off = load(sms(f"{BASE}, enabled: false, {accounts}"))
    assert list(off.accounts) == ["default", "a", "b"]
    assert off.enabled_accounts == {}


def test_what_is_switched_off_may_be_incomplete_and_share_a_path_but_not_contradict_itself(load: Load) -> None:
    settings = load(sms('enabled: false, authToken: {source: "file", id: "/no/such/file"}'))
    assert settings.accounts["default"].auth_token is None
    assert not settings.accounts["default"].receives
    load(sms(f"{BASE}, accounts: {{a: {{enabled: false}}}}"))
    with pytest.raises(ConfigError, match=r"^channels\.sms\.allowFrom: empty"):
        load(sms('enabled: false, dmPolicy: "open"'))


# Ready for use


@pytest.mark.parametrize(
    ("policy", "numbers", "allowed", "everybody"),
    [
        ("pairing", "[]", set(), False),
        ("pairing", '["+15551234567"]', {"+15551234567"}, False),
        ("allowlist", '[15551234567, "sms:+15551234567", "twilio-sms:+1 555 123 4567"]', {"+15551234567"}, False),
        ("open", '["*"]', set(), True),
        ("open", '"*"', set(), True),
        ("open", '[" * ", "+15551234567"]', {"+15551234567"}, True),
        ("disabled", "[]", set(), False),
        ("disabled", '["*"]', set(), True),
    ],
)
def test_allow_from_is_normalised_and_everybody_is_a_flag(
    load: Load, policy: str, numbers: str, allowed: set[str], everybody: bool
) -> None:
    account = load(sms(f'{BASE}, dmPolicy: "{policy}", allowFrom: {numbers}')).accounts["default"]
    assert account.dm_policy == policy
    assert account.allow_from == allowed
    assert account.allow_all is everybody


def test_from_number_wins_over_the_messaging_service_and_both_stay_known(load: Load) -> None:
    settings = load(sms(f'{BASE}, messagingServiceSid: "MG0123456789abcdef0123456789abcdef"'))
    account = settings.accounts["default"]
    assert account.sender == "+15550000001"
    assert account.messaging_service_sid == "MG0123456789abcdef0123456789abcdef"
    assert settings.warnings == (
        "channels.sms: fromNumber and messagingServiceSid are both set; fromNumber is used "
        "(set it to null to use the Messaging Service)",
    )


def test_the_fragment_of_the_public_url_is_kept_and_not_signed(load: Load) -> None:
    url = "https://gateway.example.com:8443/a%20b?c=d&c=&e=%C3%BC#rc=3&rp=ct,rt,5xx"
    account = load(sms(f'accountSid: "{SID}", authToken: "t", fromNumber: 15550000001, publicWebhookUrl: " {url} "'))
    assert account.accounts["default"].public_webhook_url == url
    assert account.accounts["default"].signed_url == url.partition("#")[0]


def test_signing_takes_both_tokens_and_rest_prefers_the_api_key(load: Load) -> None:
    account = load(sms(f'{BASE}, authTokenSecondary: "old", apiKeySid: "SK1", apiKeySecret: "s"')).accounts["default"]
    assert [secret.reveal() for secret in account.signing_tokens] == ["base-token", "old"]
    assert account.rest_credentials is not None
    assert account.rest_credentials[0] == "SK1"
    plain = load(sms(BASE)).accounts["default"]
    assert plain.rest_credentials is not None
    assert plain.rest_credentials[0] == SID


def test_an_api_key_is_enough_for_an_account_that_only_sends(load: Load) -> None:
    text = f'accountSid: "{SID}", apiKeySid: "SK1", apiKeySecret: "s", fromNumber: "+15550000001"'
    account = load(sms(text)).accounts["default"]
    assert account.auth_token is None
    assert not account.receives


def test_secrets_of_many_accounts_come_from_where_they_point(load: Load, tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text('{"a": "token-of-a"}')
    text = f"""accountSid: "{SID}", accounts: {{
        a: {{fromNumber: "+15550000001", authToken: {{source: "file", id: "~/tokens.json#/a"}}}},
        b: {{fromNumber: "+15550000002", webhookPath: "/b", authToken: {{source: "env", id: "TOKEN_OF_B"}}}},
        c: {{fromNumber: "+15550000003", webhookPath: "/c", authToken: {{source: "exec", id: "/bin/echo token-of-c"}}}},
        d: {{fromNumber: "+15550000004", webhookPath: "/d", authToken: "${{TOKEN_OF_B}}"}},
    }}"""
    accounts = load(sms(text), TOKEN_OF_B="token-of-b").accounts
    assert {id_: token(account) for id_, account in accounts.items()} == {
        "a": "token-of-a",
        "b": "token-of-b",
        "c": "token-of-c",
        "d": "token-of-b",
    }


# Warnings


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            BASE.replace(SID, "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            "channels.sms.accountSid: this is no Twilio SID (AC and 32 hex digits) but looks like a placeholder; "
            "Twilio will refuse it",
        ),
        (
            f'{BASE}, apiKeySid: "key", apiKeySecret: "s"',
            "channels.sms.apiKeySid: this is no Twilio SID (SK and 32 hex digits) but looks like a placeholder; "
            "Twilio will refuse it",
        ),
        (
            BASE.replace(SID, SID.replace("AC", "SK")),
            "channels.sms.accountSid: this is no Twilio SID (AC and 32 hex digits) but one that starts with SK, as it "
            "belongs into apiKeySid; Twilio will refuse it here",
        ),
        (
            f"{BASE}, webhookPath: '/other'",
            "channels.sms.webhookPath: not the path of publicWebhookUrl, so Twilio gets 404 unless a proxy "
            "rewrites it; make them the same if none does",
        ),
        (
            f"{BASE}, dangerouslyDisableSignatureValidation: true",
            "channels.sms.dangerouslyDisableSignatureValidation: ANYBODY who finds the webhook can pose as any sender; "
            "use it only for a tunnel to your own machine",
        ),
        (
            f"{BASE}, publicWebhookUrl2: null".replace(
                ', publicWebhookUrl: "https://a.example/webhooks/sms", publicWebhookUrl2: null', ""
            ),
            "channels.sms.publicWebhookUrl: not set, so signatures cannot be checked and this account only sends; "
            "set it to the URL that Twilio calls",
        ),
        (
            BASE.replace("https:", "http:"),
            "channels.sms.publicWebhookUrl: http, so texts and phone numbers travel in the clear; use https",
        ),
        (
            f'{BASE}, accounts: {{a: {{webhookPath: "/a"}}}}',
            "channels.sms.accounts: default and a have the same publicWebhookUrl; "
            "Twilio's calls reach only one of them",
        ),
        (
            f'{BASE}, accounts: {{a: {{enabled: false}}}}, defaultAccount: "a"',
            "channels.sms.defaultAccount: a is not enabled, so sending without --account is refused",
        ),
        (BASE.replace("https://a.example", "http://127.0.0.1:8080"), None),
        (f"{BASE}, enabled: true", None),
    ],
)
def test_what_loads_but_deserves_a_look_is_said(load: Load, text: str, warning: str | None) -> None:
    expected = () if warning is None else (warning,)
    if warning and "defaultAccount" not in warning and "channels.sms.accounts:" not in warning:
        assert load(sms(text)).warnings == expected
    else:
        assert set(expected) <= set(load(sms(text)).warnings)


def test_a_file_with_a_secret_that_everybody_may_read_is_said(load: Load, tmp_path: Path) -> None:
    from shared.settings import load_settings

    load(sms(BASE))
    file = tmp_path / "textgate.json5"
    file.chmod(0o644)
    assert load_settings(file, {"HOME": str(tmp_path)}).warnings == (
        f"{file}: holds a secret in plain text and every user here may read it; chmod 600",
    )
    file.write_text(sms(BASE.replace('"base-token"', '"$TOKEN"')))
    assert load_settings(file, {"HOME": str(tmp_path), "TOKEN": "t"}).warnings == ()
