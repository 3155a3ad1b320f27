"""Whatever stands in the file: one clear line with path, found and expected; never a traceback, never a start.

The table is `hostile_configurations.txt`, beside this file; `<the keys of a number>` stands for what
`docs/configuration.md` lists under `channels.sms`, `<the sections>` for its headings.
"""

from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings import ConfigDocument
from shared.settings_channels import AccountSection
from tests.unit.settings.conftest import Load

COMPLETE = (
    'accountSid: "AC0123456789abcdef0123456789abcdef", authToken: "token", fromNumber: "+15551234567", '
    'publicWebhookUrl: "https://gateway.example.com/webhooks/sms"'
)


SECTIONS = ", ".join(ConfigDocument.__struct_encode_fields__)
KEYS_OF_A_NUMBER = ", ".join(AccountSection.__struct_encode_fields__)


def read_table() -> list[tuple[str, str]]:
    """Give pairs of a configuration and its error; an indented line belongs to the one above."""
    lines = (Path(__file__).parent / "hostile_configurations.txt").read_text().splitlines()
    rows = [line for line in lines if line and not line.startswith("#")]
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    assert all(error.startswith("    ") for _text, error in pairs)
    return [(whole(text), _full(error.strip())) for text, error in pairs]


def _full(error: str) -> str:
    return error.replace("<the keys of a number>", KEYS_OF_A_NUMBER).replace("<the sections>", SECTIONS)


def whole(text: str) -> str:
    if not text.startswith("sms "):
        return text
    return "{channels: {sms: " + text.removeprefix("sms ").replace("...", COMPLETE) + "}}"


TABLE = read_table()


@pytest.mark.parametrize(("text", "error"), TABLE)
def test_a_hostile_configuration_is_refused_in_one_clear_line(load: Load, text: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value) == error
    assert str(caught.value) == f"{caught.value.path}: {caught.value.found}; {caught.value.expected}"


def test_there_are_well_over_sixty_of_them() -> None:
    assert len(TABLE) >= 150


def test_the_complete_block_itself_loads(load: Load) -> None:
    assert load(whole("sms {...}")).warnings == ()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "the file is empty; expected { channels: { sms: { … } } }"),
        (b"\xff\xfe{\0}\0", "no UTF-8 text in line 1; save the file as UTF-8"),
        (b" " * 1_048_577, "larger than 1 MiB; expected a smaller file"),
        (b"{agent: " * 40 + b"}" * 40, "more than 32 levels deep; expected a flatter file"),
        (b"{agent: {kind: 'echo'}", "the object that starts in line 1, column 1 does not end; expected JSON5"),
    ],
)
def test_what_is_no_configuration_at_all_is_refused_by_the_name_of_the_file(
    load: Load, tmp_path: Path, content: bytes, error: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(content)
    assert str(caught.value) == f"{tmp_path}/textgate.json5: {error}"


COMPLETE_ENVIRONMENT = {
    "TWILIO_ACCOUNT_SID": "AC0123456789abcdef0123456789abcdef",
    "TWILIO_AUTH_TOKEN": "token",
    "TWILIO_SMS_FROM": "+15551234567",
}
NUMBER = "expected a phone number in E.164 form such as +15551234567"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("TWILIO_PHONE_NUMBER", "hello", f"wrong value; {NUMBER}; this has characters that no number has"),
        ("TWILIO_SMS_FROM", "12", f"wrong value; {NUMBER}; this is too short"),
        ("SMS_WEBHOOK_PATH", "a", "wrong value; expected a path such as /webhooks/sms, without query, blanks, % or .."),
        ("SMS_ALLOWED_USERS", "+15551234567,5", f"wrong value; {NUMBER}; this is too short"),
        ("SMS_TEXT_CHUNK_LIMIT", "many", "found a string; expected a whole number from 1 to 1600"),
        ("SMS_TEXT_CHUNK_LIMIT", "0", "found 0; expected a whole number from 1 to 1600"),
        ("SMS_TEXT_CHUNK_LIMIT", "9" * 5000, "found a string; expected a whole number from 1 to 1600"),
        ("SMS_TEXT_CHUNK_LIMIT", "\u0661", "found a string; expected a whole number from 1 to 1600"),
        ("SMS_DANGEROUSLY_DISABLE_SIGNATURE_VALIDATION", "yes", "found a string; expected true or false"),
        ("TWILIO_AUTH_TOKEN", "\udcff", "this is no UTF-8 text; expected text"),
        (
            "SMS_PUBLIC_WEBHOOK_URL",
            "gateway",
            "wrong value; expected the webhook URL as Twilio has it, such as "
            "https://gateway.example.com/webhooks/sms, without user info",
        ),
        (
            "SMS_ALLOWED_USERS",
            "*",
            'wrong value; expected no "*", since dmPolicy is pairing; to let everybody in, set dmPolicy: "open" '
            "(for channels.sms)",
        ),
        (
            "TEXTGATE_REDIS_URL",
            "localhost:6379",
            "wrong value; expected redis://, rediss://, unix:// or redis+sentinel:// with a host, or a path for unix",
        ),
        (
            "TEXTGATE_TWILIO_API_BASE",
            "https://api.twilio.com",
            "wrong value; expected a loopback address such as http://127.0.0.1:4010",
        ),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(load: Load, name: str, value: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("{}", **COMPLETE_ENVIRONMENT | {name: value})
    path, _, rest = str(caught.value).partition(": ")
    assert path.split("[")[0] == name
    assert rest == error


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("TWILIO_ACCOUNT_SID", "channels.sms.accountSid: missing; set it or the variable TWILIO_ACCOUNT_SID"),
        ("TWILIO_AUTH_TOKEN", "channels.sms.authToken: missing; set it or the variable TWILIO_AUTH_TOKEN"),
        (
            "TWILIO_SMS_FROM",
            "channels.sms.fromNumber: missing; set it, messagingServiceSid or the variable TWILIO_PHONE_NUMBER",
        ),
    ],
)
def test_an_environment_that_is_not_enough_names_the_next_step(load: Load, missing: str, error: str) -> None:
    environ = {name: value for name, value in COMPLETE_ENVIRONMENT.items() if name != missing}
    with pytest.raises(ConfigError) as caught:
        load("{}", **environ)
    assert str(caught.value) == f"{error}, or set enabled: false"
