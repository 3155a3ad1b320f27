"""Whatever the configuration: it loads or raises one ConfigError, and no secret shows anywhere but in `reveal()`."""

import json
import traceback
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from shared.config_duplicates import find_duplicate
from shared.config_file import parse_json5
from shared.config_merge import Block, merge_blocks
from shared.config_shape import parse_section
from shared.errors import ConfigError
from shared.secrets import Secret
from shared.settings import ConfigDocument, Settings, load_settings
from shared.settings_channels import AccountSection, SmsSection

CANARY = "canary0d9f8a7b6c5e4f3a2b1c"
SECRET_KEYS = ("authToken", "authTokenSecondary", "apiKeySecret")

KEYS = [field.encode_name for field in msgspec.structs.fields(SmsSection)]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["*", "+15551234567", "open", "pairing", "allowlist", "/webhooks/sms", "https://a.example/", "AC1"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=5,
)
SECRETS = st.sampled_from(
    [
        CANARY,
        f" {CANARY} ",
        {"source": "env", "id": "CANARY"},
        {"source": "env", "id": "ABSENT"},
        {"source": "exec", "id": f"/bin/echo {CANARY}"},
        {"source": "file", "id": "/no/such/file"},
        {"source": "env", "id": CANARY},
        {"source": "file", "id": CANARY},
        {"source": "exec", "id": CANARY},
        {"source": CANARY, "id": "X"},
        [CANARY],
        None,
    ]
)
VALID: dict[str, st.SearchStrategy[Any]] = {
    "accountSid": st.sampled_from(["AC0123456789abcdef0123456789abcdef", "AC1"]),
    "fromNumber": st.sampled_from(["+15551234567", 15557654321]),
    "publicWebhookUrl": st.sampled_from(
        ["https://a.example/", f"https://u:{CANARY}@a.example/", f"https://[{CANARY}/"]
    ),
    "webhookPath": st.sampled_from(["/a", "/b"]),
    "dmPolicy": st.sampled_from(["pairing", "allowlist", "open", "disabled"]),
    "allowFrom": st.sampled_from([[], ["*"], ["+15551234567"], "*"]),
    **dict.fromkeys(SECRET_KEYS, SECRETS),
}
COMPLETE = {"accountSid": "AC1", "authToken": CANARY, "fromNumber": 15551234567}
SLIPS = st.one_of(
    st.just({}),
    *(st.fixed_dictionaries({key: value}) for key, value in VALID.items()),
    st.fixed_dictionaries({}, optional=VALID),
)
MAYBE_VALID = st.builds(
    lambda base, own, other: {
        "channels": {
            "sms": COMPLETE
            | base
            | {"accounts": {"a": {"webhookPath": "/a"} | own, "b": {"webhookPath": "/b"} | other}}
        }
    },
    SLIPS,
    SLIPS,
    SLIPS,
)


def load(document: Any, folder: Path) -> Settings | ConfigError:
    file = folder / "textgate.json5"
    file.write_text(json.dumps(document))
    try:
        return load_settings(file, {"HOME": str(folder), "CANARY": CANARY, "TWILIO_AUTH_TOKEN": CANARY})
    except ConfigError as error:
        return error


many = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@many
@given(document=MAYBE_VALID)
def test_no_secret_shows_in_any_text_that_loading_gives(document: dict[str, Any], tmp_path: Path) -> None:
    outcome = load(document, tmp_path)
    if isinstance(outcome, ConfigError):
        assert outcome.__context__ is None or CANARY not in "".join(traceback.format_exception(outcome.__context__))
        shown = "".join(traceback.format_exception(outcome)) + outcome.path + outcome.found + outcome.expected
    else:
        shown = f"{outcome!r} {outcome} {outcome.warnings}"
        with pytest.raises(TypeError):
            msgspec.json.encode(outcome if any_secret(outcome) else Secret("x"))
    assert CANARY not in shown


def any_secret(settings: Settings) -> bool:
    return any(account.auth_token or account.api_key_secret for account in settings.accounts.values())


@many
@given(block=st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=8)), VALUES, max_size=6))
def test_any_block_loads_or_raises_one_configuration_error(block: dict[str, Any], tmp_path: Path) -> None:
    outcome = load({"channels": {"sms": block}}, tmp_path)
    if isinstance(outcome, ConfigError):
        assert "\n" not in str(outcome)
        assert str(outcome).isprintable()


@many
@given(document=VALUES)
def test_any_document_parses_or_raises_one_configuration_error(document: Any) -> None:
    try:
        parse_section(parse_json5(json.dumps(document).encode(), name="f"), ConfigDocument)
    except ConfigError as error:
        assert str(error).isprintable()  # noqa: PT017 - both outcomes are right


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        parse_json5(content, name="f")
    except ConfigError as error:
        assert error.__context__ is None  # noqa: PT017 - both outcomes are right


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=5))
def test_an_object_with_different_keys_has_no_duplicate_and_with_one_repeated_has_one(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert find_duplicate(text) is None
    for key in document:
        again = f"{text[:-1]}, {json.dumps(key)}: 0}}"
        assert find_duplicate(again) is not None


PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "textChunkLimit": st.integers(1, 1600),
        "pairingMaxPending": st.integers(0, 9),
        "smartEncoding": st.booleans(),
        "name": st.sampled_from(["one", "two"]),
        "defaultTo": st.sampled_from(["+15551234567", None]),
    },
)


@given(PLAIN, PLAIN)
def test_merging_takes_each_key_from_the_nearest_block_that_says_it(own: dict[str, Any], base: dict[str, Any]) -> None:
    blocks = [
        Block(section=parse_section(raw, AccountSection), raw=raw, path=path)
        for raw, path in ((own, "own"), (base, "base"))
    ]
    merged = merge_blocks(blocks, {})
    said = parse_section(base | own, AccountSection)
    for field in msgspec.structs.fields(AccountSection):
        assert merged[field.name].value == getattr(said, field.name)
        where = "base" if field.encode_name in base and field.encode_name not in own else "own"
        assert merged[field.name].path == f"{where}.{field.encode_name}"
