"""Mission §1, row by row: each key with its default, its type and what it means; the environment; the commands."""

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from redis.asyncio import Redis

from cli.ports import free_ports
from cli.readiness import answers_200
from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, DEFAULT_NUMBER, default_config
from sandbox.inbound import receive
from sandbox.message import Media, new_sid as new_media_sid
from sandbox.server import serve
from sandbox.webhooks import inbound_form
from shared.admission import Verdict
from shared.errors import ConfigError
from shared.keys import Keys, Stage, conversation_id
from shared.outbox import dispatch
from shared.records import Origin, Part, Reply
from shared.round_trip import execute
from shared.secrets import describe_origin
from shared.settings import DmPolicy, RateLimits, Settings, load_settings
from tests.contract.conftest import Said, Textgate
from tests.contract.desk import ANN, BLOCK, BOB, OURS, SID, TOKEN, URL, Desk, Door, eventually, form_of
from tests.contract.processes import running
from tests.contract.turns import run_format, run_turn
from workers.agents.load import load_agent
from workers.format import parts_of

PROBE = "The probe worker and the doctor: know before the customer does"
DEPLOYMENT = "A first real deployment: image, compose, systemd, metrics, logs"
LATER = "Console, phone page and traces come after the first seven issues"

SERVICE = "MG" + "3" * 32


def refused(desk: Desk, **block: Any) -> str:
    """The one line that refuses this block."""
    with pytest.raises(ConfigError) as caught:
        desk.load_block(**block)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def one_line(said: Said, status: int) -> str:
    assert (said.status, said.out, said.err.count("\n")) == (status, "", 1), said
    return said.err


# One JSON5 file, found in this order


async def test_one_json5_file_with_comments_and_trailing_commas(desk: Desk, textgate: Textgate) -> None:
    desk.write("{ /* the desk */ channels: { sms: { enabled: false, name: 'Desk', }, }, // done\n}")
    said = await textgate("config", "get", "channels.sms.name")
    assert said.out.strip() == "Desk"


async def test_the_file_is_found_in_the_documented_order(tmp_path: Path, textgate: Textgate) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    (home / ".config/textgate").mkdir(parents=True)
    here.mkdir()
    textgate.environ["HOME"], textgate.home = str(home), here

    async def found(*words: str, variable: str = "") -> str:
        said = await textgate(*words, "config", "get", "channels.sms.name", TEXTGATE_CONFIG=variable)
        return said.out.strip()

    def write(file: Path, name: str) -> Path:
        file.write_text(json.dumps({"channels": {"sms": {"enabled": False, "name": name}}}))
        return file

    assert await found() == "not set", "a missing file means environment only"
    write(home / ".config/textgate/textgate.json5", "home")
    assert await found() == "home"
    write(here / "textgate.json5", "here")
    assert await found() == "here"
    variable = write(tmp_path / "variable.json5", "variable")
    assert await found(variable=str(variable)) == "variable"
    option = write(tmp_path / "option.json5", "option")
    assert await found("--config", str(option), variable=str(variable)) == "option"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{channels: {sms: {dmpolicy: "open"}}}', "channels.sms.dmpolicy: unknown key; did you mean dmPolicy?"),
        ('{channels: {sms: {enabled: "yes"}}}', "channels.sms.enabled: found a string; expected true or false"),
        ('{channels: {sms: {dmPolicy: "opn"}}}', 'channels.sms.dmPolicy: found "opn"; expected one of pairing, '),
        ("{chanels: {}}", "chanels: unknown key; did you mean channels?"),
        ("{ingress: {port: 70000}}", "ingress.port: found 70000; expected a whole number from 0 to 65535"),
        ('{channels: {sms: {accounts: {shop: {fromNumber: "1"}}}}}', "channels.sms.accounts.shop.fromNumber: "),
    ],
)
@pytest.mark.parametrize(
    "words", [("ingress",), ("worker", "agent"), ("up",), ("config", "validate"), ("pairing", "list")]
)
async def test_what_is_wrong_is_refused_with_its_path_before_anything_starts(
    desk: Desk, textgate: Textgate, redis: Redis, redis_url: str, text: str, said: str, words: tuple[str, ...]
) -> None:
    desk.write(text)
    line = one_line(await textgate(*words, TEXTGATE_REDIS_URL=redis_url), 78)
    assert said in line
    assert await redis.dbsize() == 0
    assert not (textgate.home / ".local").exists()


SECTIONS = ("channels", "agent", "redis", "ingress", "workers", "console")


def test_every_section_of_the_contract_is_known_and_may_be_left_out(desk: Desk) -> None:
    assert desk.load(**{name: {} for name in SECTIONS}).accounts == {}
    assert desk.load().accounts == {}


# channels.sms: defaults and types, key by key

DEFAULTS: dict[str, tuple[str, object]] = {
    "enabled": ("enabled", True),
    "name": ("name", ""),
    "authTokenSecondary": ("auth_token_secondary", None),
    "apiKeySid": ("api_key_sid", None),
    "apiKeySecret": ("api_key_secret", None),
    "messagingServiceSid": ("messaging_service_sid", None),
    "defaultTo": ("default_to", None),
    "webhookPath": ("webhook_path", "/webhooks/sms"),
    "dmPolicy": ("dm_policy", DmPolicy.PAIRING),
    "allowFrom": ("allow_from", frozenset()),
    "dangerouslyDisableSignatureValidation": ("dangerously_disable_signature_validation", False),
    "textChunkLimit": ("text_chunk_limit", 1500),
    "partCounters": ("part_counters", False),
    "mediaMaxMb": ("media_max_mb", 5),
    "rateLimits": (
        "rate_limits",
        RateLimits(per_sender_per_minute=30, per_account_per_minute=300, failed_signatures_per_minute=300),
    ),
    "pairingMaxPending": ("pairing_max_pending", 3),
    "segmentsPerSecond": ("segments_per_second", 1),
    "accountSegmentsPerSecond": ("account_segments_per_second", 0),
    "dailySegmentCap": ("daily_segment_cap", 0),
    "timeZone": ("time_zone", "UTC"),
    "smartEncoding": ("smart_encoding", True),
    "validitySeconds": ("validity_s", None),
    "quietHours": ("quiet_hours", None),
}


@pytest.mark.parametrize("key", DEFAULTS)
def test_the_default_of(desk: Desk, key: str) -> None:
    attribute, default = DEFAULTS[key]
    assert getattr(desk.load_block().accounts["default"], attribute) == default


WRONG: dict[str, tuple[object, ...]] = {
    "enabled": ("true", 1, None),
    "name": (5, ""),
    "accountSid": (5, "", ["AC"]),
    "authToken": (5, "", {"source": "vault", "id": "x"}),
    "authTokenSecondary": (5, ""),
    "apiKeySid": (5,),
    "apiKeySecret": (5,),
    "fromNumber": ("0123", "+1", "abc", True, -1),
    "messagingServiceSid": (5, ""),
    "defaultTo": ("555", True),
    "publicWebhookUrl": (
        "gate.example.com/sms",
        "ftp://gate.example.com",
        "/webhooks/sms",
        "https://u:p@gate.example.com/",
    ),
    "webhookPath": ("webhooks", "/", "/a?b=c", "/healthz", "/v1/x", None),
    "dmPolicy": ("everybody", None, True),
    "allowFrom": ("+15551234567", ["x"], [True], {}),
    "dangerouslyDisableSignatureValidation": ("true", 0),
    "textChunkLimit": (0, 1601, "1500", 1.5),
    "partCounters": ("yes", 1),
    "mediaMaxMb": (0, -1, "5"),
    "rateLimits": (30, {"perSender": 1}, {"perSenderPerMinute": -1}),
    "pairingMaxPending": (-1, "3", 1.5),
    "segmentsPerSecond": (-1, "1"),
    "accountSegmentsPerSecond": (-1, "1"),
    "smartEncoding": ("yes", 1),
    "validitySeconds": (0, 36_001, "60", 1.5),
    "quietHours": (
        "night",
        {"from": "9pm"},
        {"from": "24:00"},
        {"to": 8},
        {"from": "08:00"},
        {"timeZone": "Berlin"},
        {"timeZone": "../etc/passwd"},
        {"timeZone": ""},
        {"until": "08:00"},
    ),
    "accounts": ([], {"a b": {}}, {"shop": {"accounts": {}}}),
    "defaultAccount": (5, "nobody"),
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_a_wrong_type_or_value_of(desk: Desk, key: str, value: object) -> None:
    assert refused(desk, **{key: value}).startswith(f"channels.sms.{key}")


# channels.sms: what each key means


async def test_enabled_off_no_webhook_route_and_outbound_refused(
    desk: Desk, textgate: Textgate, redis_url: str
) -> None:
    async with desk.opened(enabled=False) as door:
        assert await door.post(form_of()) == 404
    send = ("message", "send", "--target", f"sms:{ANN}", "--message", "hi")
    assert "switched off" in one_line(await textgate(*send, TEXTGATE_REDIS_URL=redis_url), 1)


async def test_name_is_a_label_for_people(desk: Desk, textgate: Textgate) -> None:
    desk.load_block(name="Front desk")
    accounts = json.loads((await textgate("config", "validate", "--json")).out)["accounts"]
    assert [account["name"] for account in accounts] == ["Front desk"]


@pytest.mark.parametrize("sid", ["ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "AC123", "your account"])
def test_account_sid_that_is_a_placeholder_is_a_warning_not_a_refusal(desk: Desk, sid: str) -> None:
    (warning,) = desk.load_block(accountSid=sid).warnings
    assert "channels.sms.accountSid" in warning
    assert sid not in warning
    assert desk.load_block(accountSid=SID).warnings == ()


def test_auth_token_signs_webhooks_and_is_the_rest_credential(desk: Desk) -> None:
    account = desk.load_block().accounts["default"]
    assert [secret.reveal() for secret in account.signing_tokens] == [TOKEN]
    assert account.rest_credentials is not None
    assert (account.rest_credentials[0], account.rest_credentials[1].reveal()) == (SID, TOKEN)


def test_auth_token_secondary_is_accepted_for_signatures_only(desk: Desk) -> None:
    account = desk.load_block(authTokenSecondary="next").accounts["default"]
    assert [secret.reveal() for secret in account.signing_tokens] == [TOKEN, "next"]
    assert account.rest_credentials is not None
    assert account.rest_credentials[1].reveal() == TOKEN


async def test_an_api_key_is_the_rest_credential_instead_of_the_auth_token(desk: Desk) -> None:
    key = {"apiKeySid": "SK" + "7" * 32, "apiKeySecret": "secret of the key"}
    async with desk.opened(**key) as door:
        credentials = door.settings.accounts["default"].rest_credentials
        assert credentials is not None
        assert (credentials[0], credentials[1].reveal()) == (key["apiKeySid"], key["apiKeySecret"])
        assert await door.post(form_of(), token="secret of the key") == 403, "it signs nothing"
    assert "apiKeySecret: missing" in refused(desk, apiKeySid=key["apiKeySid"])
    assert "apiKeySid: missing" in refused(desk, apiKeySecret="s")


@pytest.mark.parametrize("written", [OURS, OURS[1:], int(OURS[1:]), f"sms:{OURS}", "+1 (555) 000-1111"])
def test_from_number_is_normalised(desk: Desk, written: str | int) -> None:
    assert desk.load_block(fromNumber=written).accounts["default"].sender == OURS


def test_from_number_is_used_if_a_messaging_service_is_there_as_well(desk: Desk) -> None:
    settings = desk.load_block(messagingServiceSid=SERVICE)
    assert settings.accounts["default"].sender == OURS
    assert any("fromNumber is used" in warning for warning in settings.warnings)


def test_messaging_service_sid_alone_is_the_sender(desk: Desk) -> None:
    assert desk.load_block(fromNumber=None, messagingServiceSid=SERVICE).accounts["default"].sender == SERVICE
    warned = desk.load_block(fromNumber=None, messagingServiceSid="MGxxxx").warnings
    assert any("messagingServiceSid" in warning for warning in warned)
    assert "fromNumber: missing" in refused(desk, fromNumber=None)


async def test_default_to_is_normalised_and_never_used_by_the_cli(
    desk: Desk, textgate: Textgate, redis: Redis, redis_url: str
) -> None:
    assert desk.load_block(defaultTo="sms:15557650001").accounts["default"].default_to == ANN
    said = await textgate("message", "send", "--message", "hi", TEXTGATE_REDIS_URL=redis_url)
    assert (said.status, said.out) == (2, "")
    assert "--target" in said.err
    assert await redis.dbsize() == 0


async def test_default_to_is_the_destination_when_automation_names_none(desk: Desk) -> None:
    tokens = {"automation": {"token": "token-of-the-automation", "scopes": ["messages:send"]}}
    async with desk.opened_with(channels={"sms": {**BLOCK, "defaultTo": ANN}}, api={"tokens": tokens}) as door:
        bearer = [("authorization", "Bearer token-of-the-automation")]
        body = json.dumps({"text": "hi"}).encode()
        told = await door.ask(body, path="/v1/messages", content_type="application/json", headers=bearer)
        assert told == 202, door.sent
        assert [reply.texts for reply in await door.replies(ANN)] == [("hi",)]


async def test_public_webhook_url_missing_is_outbound_only_with_a_loud_warning(desk: Desk) -> None:
    """Ruling 23."""
    async with desk.opened(publicWebhookUrl=None) as door:
        assert await door.post(form_of()) == 404
        assert any("only sends" in warning for warning in door.settings.warnings)


async def test_webhook_path_may_differ_from_the_public_path(desk: Desk) -> None:
    async with desk.opened(webhookPath="/hooks/42") as door:
        assert await door.post(form_of(), path="/hooks/42") == 200
        assert await door.post(form_of()) == 404


def test_dm_policy_is_one_of_four(desk: Desk) -> None:
    assert [policy.value for policy in DmPolicy] == ["pairing", "allowlist", "open", "disabled"]
    for policy, allowed in (("pairing", []), ("allowlist", [ANN]), ("open", ["*"]), ("disabled", [])):
        assert desk.load_block(dmPolicy=policy, allowFrom=allowed).accounts["default"].dm_policy == policy


@pytest.mark.parametrize(
    "written",
    [[ANN], [ANN[1:]], [int(ANN[1:])], [f"sms:{ANN}"], [f"twilio-sms:{ANN}"], [f"SMS:{ANN}", ANN], ["+1 555-765-0001"]],
)
async def test_allow_from_is_normalised(desk: Desk, written: list[str | int]) -> None:
    async with desk.opened(dmPolicy="allowlist", allowFrom=written) as door:
        assert door.settings.accounts["default"].allow_from == {ANN}
        assert await door.text(ANN) is Verdict.ACCEPTED


async def test_allow_from_entries_pass_under_pairing_too(desk: Desk) -> None:
    """Ruling 23."""
    async with desk.opened(allowFrom=[ANN]) as door:
        assert await door.text(ANN) is Verdict.ACCEPTED
        assert await door.text(BOB) is Verdict.PAIRING_REQUESTED


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ("allowlist", []),
        ("open", []),
        ("open", [ANN]),
        ("allowlist", "*"),
        ("allowlist", ["*", ANN]),
        ("pairing", ["*"]),
        ("pairing", "*"),
    ],
)
def test_allow_from_that_contradicts_the_policy_is_refused(desk: Desk, policy: str, allowed: object) -> None:
    """Ruling 23: `"*"` under `allowlist` or `pairing` is a configuration error, as is an empty list that lets in."""
    assert refused(desk, dmPolicy=policy, allowFrom=allowed).startswith("channels.sms.allowFrom: ")


async def test_signature_validation_switched_off_takes_anything_and_warns_at_every_start(
    desk: Desk, redis_url: str
) -> None:
    off = {"dangerouslyDisableSignatureValidation": True, "dmPolicy": "open", "allowFrom": "*"}
    async with desk.opened(**off) as door:
        assert await door.ask(urlencode(form_of()).encode()) == 200
        assert len(await door.stored(ANN)) == 1
    for _ in range(2):
        async with running("ingress", config=desk.file, redis_url=redis_url) as process:
            assert "ANYBODY" in process.log()


async def test_and_in_the_doctor(desk: Desk, textgate: Textgate) -> None:
    desk.load_block(dangerouslyDisableSignatureValidation=True)
    said = await textgate("doctor")
    assert "dangerouslyDisableSignatureValidation" in said.out + said.err


def reply_of(text: str) -> Reply:
    conversation = conversation_id("default", ANN)
    return Reply(
        reply_id="r",
        account_id="default",
        conversation=conversation,
        to=ANN,
        texts=(text,),
        origin=Origin.AGENT,
        created_ms=1,
        markdown=True,
    )


@pytest.mark.parametrize("limit", [1500, 70, 1600])
def test_text_chunk_limit_is_the_longest_part(desk: Desk, limit: int) -> None:
    account = desk.load_block(textChunkLimit=limit).accounts["default"]
    text = "All work and no play makes a dull day. " * 100
    parts = parts_of(reply_of(text), account)
    assert max(len(part.body) for part in parts) <= limit
    assert "".join(part.body for part in parts).split() == text.split()
    assert len(parts) <= 2 * len(text) / limit + 1


def test_part_counters_begin_each_of_several_parts_within_the_limit(desk: Desk) -> None:
    text = "All work and no play makes a dull day. " * 10
    off, on = (desk.load_block(textChunkLimit=160, partCounters=said).accounts["default"] for said in (False, True))
    assert not parts_of(reply_of(text), off)[0].body.startswith("(")
    parts = parts_of(reply_of(text), on)
    assert [part.body[:6] for part in parts] == ["(1/4) ", "(2/4) ", "(3/4) ", "(4/4) "]
    assert max(len(part.body) for part in parts) <= 160
    assert parts_of(reply_of("Short."), on)[0].body == "Short."


@pytest.mark.parametrize(("said", "body"), [(False, "<think>hm</think>\n\nHi Ann"), (True, "Hi Ann")])
async def test_strip_artifacts_takes_thinking_out_of_the_agents_replies(desk: Desk, said: bool, body: str) -> None:
    sections = {"channels": {"sms": {**BLOCK, "allowFrom": [ANN]}}, "agent": {"stripArtifacts": said}}
    async with desk.opened_with(**sections) as door:
        await door.text(ANN, "hello")
        await run_turn(door, ANN, answer="<think>hm</think>\n\nHi *Ann*")
        (part,) = await run_format(door, ANN)
        assert part.body == body


def test_strip_artifacts_leaves_the_words_of_people_alone(desk: Desk) -> None:
    account = desk.load_block().accounts["default"]
    reply = msgspec.structs.replace(reply_of("<think>hm</think>"), origin=Origin.OPERATOR, markdown=False)
    (part,) = parts_of(reply, account, strip_artifacts=True)
    assert part.body == "<think>hm</think>"


def test_smart_encoding_keeps_a_text_in_gsm_7_unless_switched_off(desk: Desk) -> None:
    text = "\u201cIt\u2019s done\u201d \u2013 really\u2026\u00a0yes"
    (on,) = parts_of(reply_of(text), desk.load_block().accounts["default"])
    (off,) = parts_of(reply_of(text), desk.load_block(smartEncoding=False).accounts["default"])
    assert (on.encoding, off.encoding) == ("GSM-7", "UCS-2")
    assert (on.body, off.body) == ('"It\'s done" - really... yes', text)


async def test_media_max_mb_caps_one_attachment(desk: Desk) -> None:
    """Each is judged alone; the agent is told, and gets the text all the same."""
    account = {"accountSid": DEFAULT_ACCOUNT_SID, "authToken": DEFAULT_AUTH_TOKEN, "fromNumber": DEFAULT_NUMBER}
    agent = {"kind": "python", "callable": "tests.contract.agents:nods"}
    async with (
        serve(default_config()) as sandbox,
        desk.opened(mediaMaxMb=1, allowFrom=[ANN], agent=agent, **account) as door,
    ):
        door.settings = msgspec.structs.replace(door.settings, twilio_api_base=sandbox.base_url)
        number = sandbox.state.directory.number(DEFAULT_ACCOUNT_SID, DEFAULT_NUMBER)
        assert number is not None
        files = [b"GIF89a" + b"x" * (size - 6) for size in (1_000_000, 1_000_001)]
        media = tuple(Media(sid=new_media_sid("ME"), content_type="image/gif", content=file) for file in files)
        message = receive(sandbox.state, number, from_=ANN, body="look", media=media)
        assert await door.post(inbound_form(message), token=DEFAULT_AUTH_TOKEN) == 200
        (text,) = (await run_turn(door, ANN)).texts
        assert text.body == "look"
        assert [(each.size_bytes, each.error) for each in text.media] == [
            (1_000_000, None),
            (None, "it is larger than 1 MB"),
        ]


@pytest.mark.parametrize(("rate", "second"), [(1, "wait"), (0, "go")])
async def test_segments_per_second_is_the_rate_of_the_sender(
    desk: Desk, redis: Redis, keys: Keys, rate: float, second: str
) -> None:
    account = desk.load_block(segmentsPerSecond=rate).accounts["default"]
    verdicts = []
    for person in (ANN, BOB):
        (part,) = parts_of(msgspec.structs.replace(reply_of("hi"), reply_id=person, to=person), account)
        await redis.hset(keys.conversation(part.conversation), Stage.OUTBOUND.value, "1")  # type: ignore[misc]
        verdicts.append(await ask_to_send(redis, keys, part, account.sender, account.segments_per_second))
    assert verdicts == ["go", second]


async def ask_to_send(redis: Redis, keys: Keys, part: Part, sender: str, rate: float) -> str:
    call = dispatch(keys=keys, part=part, turn="1", attempt="a", sender=sender, segments_per_second=rate)
    (reply,) = await execute(redis, [call])
    return str(reply[0].decode())


# channels.sms.accounts and defaultAccount


def test_accounts_merge_over_the_base_block(desk: Desk) -> None:
    settings = desk.load_block(
        textChunkLimit=100,
        rateLimits={"perSenderPerMinute": 5},
        accounts={"shop": {"webhookPath": "/shop", "textChunkLimit": 200, "rateLimits": {"perAccountPerMinute": 7}}},
    )
    shop = settings.accounts["shop"]
    assert (shop.text_chunk_limit, shop.from_number, shop.account_sid) == (200, OURS, SID)
    assert (shop.rate_limits.per_sender_per_minute, shop.rate_limits.per_account_per_minute) == (5, 7)
    assert settings.accounts["default"].text_chunk_limit == 100


def test_an_account_inherits_nothing_secret_from_a_sibling(desk: Desk) -> None:
    other = {"accountSid": "AC" + "2" * 32, "fromNumber": "+15550002222", "webhookPath": "/other"}
    with pytest.raises(ConfigError, match=r"channels\.sms\.accounts\.other\.authToken: missing"):
        desk.load(
            channels={
                "sms": {
                    "accounts": {"one": {**BLOCK, "webhookPath": "/one"}, "other": {**other, "publicWebhookUrl": URL}}
                }
            }
        )


def test_a_duplicate_webhook_path_is_refused_naming_both_accounts(desk: Desk) -> None:
    line = refused(desk, accounts={"shop": {}})
    assert line.startswith("channels.sms.accounts.shop.webhookPath: ")
    assert "default and shop" in line


def test_default_account_is_the_one_that_sends_when_none_is_named(desk: Desk) -> None:
    shop = {"shop": {"webhookPath": "/shop"}}
    assert desk.load_block(accounts=shop).default_account_id == "default"
    assert desk.load_block(accounts=shop, defaultAccount="shop").default_account_id == "shop"
    assert "did you mean shop?" in refused(desk, accounts=shop, defaultAccount="shopp")


async def test_default_account_is_used_by_message_send(desk: Desk, textgate: Textgate, redis_url: str) -> None:
    sms = {**BLOCK, "accounts": {"shop": {"webhookPath": "/shop"}}, "defaultAccount": "shop"}
    desk.load(channels={"sms": sms}, redis={"prefix": "test:"})
    said = await textgate("message", "send", "--target", ANN, "--message", "hi", "--json", TEXTGATE_REDIS_URL=redis_url)
    assert json.loads(said.out)["account"] == "shop"


# The other sections


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("echo", {}),
        ("python", {"callable": "tests.contract.agents:nods"}),
        ("openai", {"openai": {"baseUrl": "http://127.0.0.1:11434/v1", "model": "llama3.2"}}),
        ("http", {"http": {"url": "http://127.0.0.1:8000/turn"}}),
        ("command", {"command": {"argv": ["cat"]}}),
    ],
)
def test_agent_kind(desk: Desk, kind: str, key: dict[str, Any]) -> None:
    (account,) = desk.load(channels={"sms": BLOCK}, agent={"kind": kind, **key}).accounts.values()
    assert callable(load_agent(account.backend))
    assert desk.load().agent.kind == "echo"


async def test_agent_debounce_ms_is_the_quiet_time_before_a_turn(desk: Desk, redis: Redis) -> None:
    due: list[float] = []
    for quiet_ms in (0, 60_000):
        sections = {"channels": {"sms": {**BLOCK, "allowFrom": [ANN]}}, "agent": {"debounceMs": quiet_ms}}
        async with desk.opened_with(**sections) as door:
            await door.text(ANN)
            ((_, score),) = await redis.zrange(door.keys.queue("agent"), 0, -1, withscores=True)
            due.append(score)
            await redis.flushall()
    assert 59_000 < due[1] - due[0] < 120_000
    assert desk.load().agent.debounce_ms == 0


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:p@h:6379/1",
        "rediss://u:p@h:6380",
        "unix:///run/r.sock",
        "redis+sentinel://h:1/m/0",
    ],
)
def test_redis_url_takes_every_scheme_from_file_and_environment(desk: Desk, url: str) -> None:
    for settings in (desk.load(redis={"url": url}), desk.load({"TEXTGATE_REDIS_URL": url})):
        assert settings.redis.url is not None
        assert settings.redis.url.reveal() == url
    with pytest.raises(ConfigError, match=r"^redis\.url: wrong value"):
        desk.load(redis={"url": "http://localhost"})


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "unix:///nowhere/r.sock", "redis+sentinel://127.0.0.1:1/m/0"]
)
async def test_redis_of_every_scheme_that_is_away_is_one_line(desk: Desk, textgate: Textgate, url: str) -> None:
    desk.load_block()
    assert "Redis" in one_line(await textgate("pairing", "list", TEXTGATE_REDIS_URL=url), 1)


async def test_redis_prefix_is_what_all_keys_start_with(desk: Desk, redis: Redis) -> None:
    assert desk.load().redis.prefix == "tg:"
    async with desk.opened_with(channels={"sms": BLOCK}, redis={"prefix": "test:x:"}) as door:
        assert await door.post(form_of()) == 200
    keys = [key async for key in redis.scan_iter()]
    assert keys
    assert all(key.startswith((b"test:x:", b"arq:job:test:x:")) for key in keys)
    await redis.flushall()


def test_redis_wait_replicas_is_0_and_takes_a_number(desk: Desk) -> None:
    assert desk.load().redis.wait_replicas == 0
    assert desk.load(redis={"waitReplicas": 2}).redis.wait_replicas == 2


async def test_ingress_listens_where_the_file_says(desk: Desk, redis_url: str) -> None:
    assert (desk.load().ingress.host, desk.load().ingress.port) == ("127.0.0.1", 8080)
    (port,) = free_ports(1)
    desk.load(channels={"sms": BLOCK}, ingress={"host": "127.0.0.2", "port": port})
    async with running("ingress", config=desk.file, redis_url=redis_url, at=("127.0.0.2", port)) as process:
        assert await answers_200(f"{process.url}/healthz")
        assert not await answers_200(f"http://127.0.0.1:{port}/healthz")


def test_ingress_trusted_proxies_are_addresses_or_networks(desk: Desk) -> None:
    assert desk.load().ingress.trusted_proxies == ()
    assert desk.load(ingress={"trustedProxies": ["10.0.0.1", "fd00::/8"]}).ingress.trusted_proxies == (
        "10.0.0.1/32",
        "fd00::/8",
    )
    with pytest.raises(ConfigError, match=r"^ingress\.trustedProxies\[1\]: "):
        desk.load(ingress={"trustedProxies": ["10.0.0.1", "proxy"]})


@pytest.mark.parametrize("kind", ["agent", "format", "outbound", "probe"])
def test_workers_concurrency_of(desk: Desk, kind: str) -> None:
    assert desk.load().workers.concurrency(kind) >= 1
    assert desk.load(workers={kind: {"concurrency": 3}}).workers.concurrency(kind) == 3
    with pytest.raises(ConfigError, match=rf"^workers\.{kind}\.concurrency: found 0; expected a whole number from 1"):
        desk.load(workers={kind: {"concurrency": 0}})


def test_console_and_metrics_have_a_port_and_stay_on_this_machine(desk: Desk) -> None:
    settings = desk.load(console={"port": 9000}, metrics={"port": 9100})
    assert (settings.console.host, settings.console.port, settings.metrics.port) == ("127.0.0.1", 9000, 9100)


@pytest.mark.parametrize(
    "section",
    [
        "metrics",
        pytest.param("console", marks=pytest.mark.xfail(strict=True, reason=LATER)),
    ],
)
async def test_and_listen_there(desk: Desk, redis_url: str, section: str) -> None:
    (port,) = free_ports(1)
    desk.load(None, channels={"sms": BLOCK}, **{section: {"port": port}})
    async with running("ingress", config=desk.file, redis_url=redis_url):
        assert await answers_200(f"http://127.0.0.1:{port}/{'metrics' if section == 'metrics' else ''}")


# SecretRef


def secret_of(desk: Desk, reference: dict[str, str], **environ: str) -> str:
    settings = desk.load(environ, channels={"sms": {**BLOCK, "authToken": reference}})
    secret = settings.accounts["default"].auth_token
    assert secret is not None
    assert TOKEN not in describe_origin(secret)
    assert describe_origin(secret).startswith("*** (")
    return secret.reveal()


def test_a_secret_ref_env_reads_a_variable(desk: Desk) -> None:
    reference = {"source": "env", "provider": "default", "id": "MY_TOKEN"}
    assert secret_of(desk, reference, MY_TOKEN=TOKEN) == TOKEN
    assert "MY_TOKEN is not set" in refused(desk, authToken=reference)


@pytest.mark.parametrize("name", ["my_token", "1TOKEN", "MY-TOKEN", "M" * 129, "_X"])
def test_a_secret_ref_env_takes_only_names_of_variables(desk: Desk, name: str) -> None:
    assert "channels.sms.authToken.id" in refused(desk, authToken={"source": "env", "id": name})


def test_a_secret_ref_file_reads_a_file_and_a_pointer_picks_a_field(desk: Desk) -> None:
    file = desk.file.parent / "secret"
    file.write_text(f"{TOKEN}\n")
    assert secret_of(desk, {"source": "file", "id": str(file)}) == TOKEN
    file.write_text(json.dumps({"twilio": [{"auth/token": TOKEN}]}))
    assert secret_of(desk, {"source": "file", "id": f"{file}#/twilio/0/auth~1token"}) == TOKEN
    assert "channels.sms.authToken" in refused(desk, authToken={"source": "file", "id": f"{file}#/nothing"})


def test_a_secret_ref_exec_runs_an_absolute_command_without_a_shell(desk: Desk) -> None:
    assert secret_of(desk, {"source": "exec", "id": f"/bin/echo '{TOKEN}'"}) == TOKEN
    assert secret_of(desk, {"source": "exec", "id": "/bin/echo $(id) ; ls"}) == "$(id) ; ls"
    assert "no absolute command" in refused(desk, authToken={"source": "exec", "id": "echo hi"})


async def test_a_secret_is_shown_as_stars_and_where_it_came_from(desk: Desk, textgate: Textgate) -> None:
    desk.load(
        {"T": TOKEN},
        channels={"sms": {**BLOCK, "authToken": {"source": "env", "id": "T"}, "authTokenSecondary": "inline"}},
    )
    got = json.loads((await textgate("config", "get", "channels.sms", "--json", T=TOKEN)).out)["value"]
    assert (got["authToken"], got["authTokenSecondary"]) == ("*** (env T)", "*** (plain text)")


# Environment, for the default account only, when the file does not say

VARIABLES: list[tuple[dict[str, str], str, object]] = [
    ({"TWILIO_ACCOUNT_SID": "AC" + "5" * 32}, "account_sid", "AC" + "5" * 32),
    ({"TWILIO_PHONE_NUMBER": "+15550005555"}, "from_number", "+15550005555"),
    ({"TWILIO_SMS_FROM": "+15550005555"}, "from_number", "+15550005555"),
    ({"TWILIO_PHONE_NUMBER": OURS, "TWILIO_SMS_FROM": "+15550005555"}, "from_number", OURS),
    ({"TWILIO_MESSAGING_SERVICE_SID": SERVICE}, "messaging_service_sid", SERVICE),
    ({"SMS_PUBLIC_WEBHOOK_URL": "https://e.example.com/x"}, "public_webhook_url", "https://e.example.com/x"),
    ({"SMS_WEBHOOK_PATH": "/x/y"}, "webhook_path", "/x/y"),
    ({"SMS_ALLOWED_USERS": f"{ANN}, sms:{BOB},"}, "allow_from", frozenset({ANN, BOB})),
    ({"SMS_TEXT_CHUNK_LIMIT": "300"}, "text_chunk_limit", 300),
    ({"SMS_DANGEROUSLY_DISABLE_SIGNATURE_VALIDATION": "true"}, "dangerously_disable_signature_validation", True),
]
COMPLETE = {
    "TWILIO_ACCOUNT_SID": SID,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_PHONE_NUMBER": OURS,
    "SMS_PUBLIC_WEBHOOK_URL": URL,
}
"""Beside `{channels: {sms: {enabled: true, dmPolicy: "pairing"}}}` a complete set-up."""

SAID_IN_THE_FILE = {
    "account_sid": "accountSid",
    "from_number": "fromNumber",
    "messaging_service_sid": "messagingServiceSid",
    "public_webhook_url": "publicWebhookUrl",
    "webhook_path": "webhookPath",
    "allow_from": "allowFrom",
    "text_chunk_limit": "textChunkLimit",
    "dangerously_disable_signature_validation": "dangerouslyDisableSignatureValidation",
}
IN_THE_FILE: dict[str, Any] = {
    **BLOCK,
    "messagingServiceSid": "MG" + "9" * 32,
    "webhookPath": "/file",
    "allowFrom": ["+15557659999"],
    "textChunkLimit": 77,
    "dangerouslyDisableSignatureValidation": False,
}


@pytest.mark.parametrize(("environ", "attribute", "value"), VARIABLES, ids=["+".join(v[0]) for v in VARIABLES])
def test_a_variable_counts_when_the_file_does_not_say(
    desk: Desk, environ: dict[str, str], attribute: str, value: object
) -> None:
    without = {
        name: text
        for name, text in COMPLETE.items()
        if not (name.startswith("TWILIO_PHONE") and "TWILIO_SMS_FROM" in environ)
    }
    settings = desk.load({**without, **environ}, channels={"sms": {"enabled": True, "dmPolicy": "pairing"}})
    assert getattr(settings.accounts["default"], attribute) == value
    beside = desk.load(environ, channels={"sms": IN_THE_FILE})
    of_the_file = desk.load(channels={"sms": IN_THE_FILE})
    assert getattr(beside.accounts["default"], attribute) == getattr(of_the_file.accounts["default"], attribute)


def test_twilio_auth_token_counts_when_the_file_does_not_say(desk: Desk) -> None:
    token = desk.load(COMPLETE, channels={"sms": {"dmPolicy": "pairing"}}).accounts["default"].auth_token
    assert token is not None
    assert token.reveal() == TOKEN
    token = desk.load({"TWILIO_AUTH_TOKEN": "other"}, channels={"sms": BLOCK}).accounts["default"].auth_token
    assert token is not None
    assert token.reveal() == TOKEN


def test_the_documented_file_beside_these_variables_is_a_complete_setup(desk: Desk) -> None:
    settings = desk.load(COMPLETE, channels={"sms": {"enabled": True, "dmPolicy": "pairing"}})
    assert settings.accounts["default"].receives
    assert settings.warnings == ()


def test_the_environment_is_for_the_default_account_only(desk: Desk) -> None:
    shop = {**BLOCK, "webhookPath": "/shop", "fromNumber": None, "messagingServiceSid": SERVICE}
    settings = desk.load({**COMPLETE, "SMS_TEXT_CHUNK_LIMIT": "99"}, channels={"sms": {"accounts": {"shop": shop}}})
    assert (settings.accounts["shop"].text_chunk_limit, settings.accounts["shop"].from_number) == (1500, None)


@pytest.mark.parametrize("text", ["0", "x", "1601"])
def test_a_wrong_variable_is_refused_by_its_name(desk: Desk, text: str) -> None:
    with pytest.raises(ConfigError, match=r"^SMS_TEXT_CHUNK_LIMIT: "):
        desk.load({**COMPLETE, "SMS_TEXT_CHUNK_LIMIT": text}, channels={"sms": {}})


# Commands

FILE = """// The front desk.
{
  channels: {
    sms: { // Twilio
      accountSid: "AC11111111111111111111111111111111", authToken: "the auth token",
      fromNumber: "+15550001111", // ours
      publicWebhookUrl: "https://gate.example.com/webhooks/sms",
      allowFrom: ["+15557650001"],
      defaultTo: "+15557650001",
    },
  },
}
"""


async def test_config_patch_merges_objects_deletes_nulls_and_replaces_arrays(desk: Desk, textgate: Textgate) -> None:
    desk.write(FILE)
    (textgate.home / "patch.json5").write_text(
        '{channels: {sms: {allowFrom: ["+15557650002"], defaultTo: null, rateLimits: {perSenderPerMinute: 9}}}} // done'
    )
    said = await textgate("config", "patch", "--file", "patch.json5")
    assert said.status == 0, said
    account = desk_settings(desk).accounts["default"]
    assert account.allow_from == {BOB}
    assert account.default_to is None
    assert (account.rate_limits.per_sender_per_minute, account.text_chunk_limit) == (9, 1500)
    written = desk.file.read_text()
    assert all(comment in written for comment in ("// The front desk.", "// Twilio", "// ours"))
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600


def desk_settings(desk: Desk) -> Settings:
    return load_settings(desk.file, {})


async def test_config_patch_dry_run_prints_the_diff_and_writes_nothing(desk: Desk, textgate: Textgate) -> None:
    desk.write(FILE)
    before = (desk.file.read_bytes(), desk.file.stat().st_mtime_ns)
    patch = b'{channels: {sms: {textChunkLimit: 320, authToken: "a new token"}}}'
    said = await textgate("config", "patch", "--file", "-", "--dry-run", stdin=patch)
    assert said.status == 0
    assert "320" in said.out
    assert "token" not in (said.out + said.err).replace("authToken", "")
    assert (desk.file.read_bytes(), desk.file.stat().st_mtime_ns) == before
    assert [file.name for file in textgate.home.iterdir() if "textgate" in file.name] == ["textgate.json5"]


async def test_config_patch_that_would_not_start_is_refused_and_not_written(desk: Desk, textgate: Textgate) -> None:
    desk.write(FILE)
    said = await textgate("config", "patch", "--file", "-", stdin=b'{channels: {sms: {dmPolicy: "open"}}}')
    assert "channels.sms.allowFrom" in one_line(said, 78)
    assert desk.file.read_text() == FILE


async def test_config_patch_never_writes_through_a_symbolic_link(desk: Desk, textgate: Textgate) -> None:
    real = textgate.home / "real.json5"
    real.write_text(FILE)
    desk.file.symlink_to(real)
    said = await textgate("config", "patch", "--file", "-", stdin=b"{channels: {sms: {textChunkLimit: 320}}}")
    assert said.status == 1
    assert real.read_text() == FILE


async def test_config_get_shows_what_is_in_force(desk: Desk, textgate: Textgate) -> None:
    desk.write(FILE)
    assert (await textgate("config", "get", "channels.sms.dmPolicy")).out.strip() == "pairing"
    assert json.loads((await textgate("config", "get", "channels.sms.allowFrom", "--json")).out)["value"] == [ANN]
    assert "did you mean dmPolicy?" in one_line(await textgate("config", "get", "channels.sms.dmpolicy"), 1)


async def test_config_set_sets_one_key(desk: Desk, textgate: Textgate) -> None:
    desk.write(FILE)
    assert (await textgate("config", "set", "channels.sms.textChunkLimit", "320")).status == 0
    assert desk_settings(desk).accounts["default"].text_chunk_limit == 320
    assert "// ours" in desk.file.read_text()
    one_line(await textgate("config", "set", "channels.sms.textChunkLimit", "0"), 78)


async def test_config_validate_says_whether_it_would_start(desk: Desk, textgate: Textgate) -> None:
    desk.write(FILE)
    assert (await textgate("config", "validate")).status == 0
    desk.write(FILE.replace("fromNumber", "fromNumbr"))
    assert "did you mean fromNumber?" in one_line(await textgate("config", "validate"), 78)


async def test_config_schema_is_json_schema_with_every_key(textgate: Textgate) -> None:
    schema = json.loads((await textgate("config", "schema")).out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(DEFAULTS) <= set(schema["$defs"]["SmsSection"]["properties"])
    assert set(SECTIONS) <= set(schema["$defs"]["ConfigDocument"]["properties"])


# A running process notices a changed file


@pytest.fixture
async def patient(desk: Desk) -> AsyncIterator[Door]:
    async with desk.opened(dmPolicy="allowlist", allowFrom=[BOB], rateLimits={"perSenderPerMinute": 0}) as door:
        yield door


async def becomes(door: Door, verdict: Verdict) -> None:
    """Wait until a text of Ann's meets this fate."""

    async def met() -> bool:
        return await door.text(ANN) is verdict

    await eventually(met)


async def test_a_changed_file_takes_effect_without_a_restart_and_a_broken_one_changes_nothing(
    desk: Desk, patient: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await patient.text(ANN) is Verdict.NOT_ALLOWED
    write(desk, dmPolicy="open", allowFrom="*")
    await becomes(patient, Verdict.ACCEPTED)

    capsys.readouterr()
    desk.write('{channels: {sms: {dmPolicy: "disabled", nonsense: 1}}}')
    said: list[str] = []

    async def refused_aloud() -> bool:
        said.extend(capsys.readouterr())
        return "configuration_refused" in "".join(said)

    await eventually(refused_aloud)
    assert "channels.sms.nonsense: unknown key" in "".join(said)
    assert await patient.text(ANN) is Verdict.ACCEPTED, "the old configuration stays in force"

    write(desk, dmPolicy="disabled")
    await becomes(patient, Verdict.DISABLED)


async def test_accounts_that_come_and_go_have_their_routes_at_once(desk: Desk, patient: Door) -> None:
    shop: dict[str, Any] = {"path": "/shop", "url": "https://gate.example.com/shop"}

    async def answered(status: int) -> None:
        async def told() -> bool:
            return await patient.post(form_of(), **shop) == status

        await eventually(told)

    await answered(404)
    write(desk, accounts={"shop": {"webhookPath": "/shop", "publicWebhookUrl": shop["url"]}})
    await answered(200)
    write(desk)
    await answered(404)


def write(desk: Desk, **block: Any) -> None:
    sms = {**BLOCK, "rateLimits": {"perSenderPerMinute": 0}, **block}
    fresh = desk.file.with_suffix(".new")
    fresh.write_text(json.dumps({"channels": {"sms": sms}, "redis": {"prefix": "test:"}}))
    fresh.chmod(0o600)
    fresh.replace(desk.file)
