"""`textgate doctor` beside a gateway, without one, and what it writes for whoever helps."""

import json
import zipfile

import msgspec

from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, SandboxService
from shared.accounts import pause
from shared.keys import Stage
from shared.round_trip import execute
from tests.journeys.house import OURS, STAGES, House

ANN, BOB = "+12025550111", "+12025550122"
BADNESS = ["ok", "warning", "unknown", "bad"]
WORDS = "the words that somebody texted"


def register(house: House) -> None:
    """Let Twilio have nothing to say against the number: it has our URL, in a service with a campaign."""
    directory = house.sandbox.state.directory
    number = directory.number(DEFAULT_ACCOUNT_SID, OURS)
    assert number is not None
    url = house.config["channels"]["sms"]["publicWebhookUrl"]
    directory.put_number(msgspec.structs.replace(number, sms_url=url))
    service = SandboxService(
        sid=f"MG{'4d' * 16}",
        account_sid=DEFAULT_ACCOUNT_SID,
        numbers=(OURS,),
        campaigns=("VERIFIED",),
        use_inbound_webhook_on_number=True,
    )
    directory.put_service(service)


async def examine(house: House, *words: str, status: int) -> dict[str, str]:
    """Name -> result; of several with one name the worst."""
    said = json.loads(await house.cli("doctor", "--json", *words, status=status, stream="out"))
    found: dict[str, str] = {}
    for check in said["checks"]:
        found[check["name"]] = max(found.get(check["name"], "ok"), check["result"], key=BADNESS.index)
        assert check["result"] == "ok" or check["advice"], check
    return found


async def test_a_gateway_that_is_well(house: House) -> None:
    house.config["channels"]["sms"]["publicWebhookUrl"] += "#rc=3&rp=ct,rt,5xx"
    await house.start("ingress", *STAGES, "probe")
    (house.folder / "textgate.json5").chmod(0o600)  # the token stands in it
    register(house)
    found = await examine(house, "--probe", status=0)
    assert {name: result for name, result in found.items() if result != "ok"} == {}
    assert {"secrets", "redis-persistence", "clock", "twilio-clock", "workers", "queues", "ingress", "probe"} <= set(
        found
    )
    looks = [line for line in map(json.loads, house.log("ingress").splitlines()) if line["event"] == "webhook_rejected"]
    assert {line["status"] for line in looks} == {403, 405}, "the probe's and the doctor's own"
    assert {line["level"] for line in looks} == {"info"}


async def test_a_warning_of_the_probe_is_not_hidden_behind_a_good_verdict(house: House) -> None:
    await house.start("ingress")
    said = (await house.cli("doctor", "--probe", status=1, stream="out")).splitlines()
    (warned,) = [line for line in said if "is not registered for A2P 10DLC" in line]
    assert warned.startswith("warn  probe")
    assert "Account default: good " in warned
    assert " ago, with a warning: " in warned


async def test_each_thing_that_is_wrong_has_its_line(house: House) -> None:
    house.config["channels"]["sms"] |= {"dangerouslyDisableSignatureValidation": True}
    await house.start("ingress", "format", "outbound")
    await house.text(ANN, "hello")
    await house.redis.config_set("maxmemory-policy", "allkeys-lru")
    await house.redis.config_set("appendonly", "no")
    call = pause(keys=house.keys, account_id="default", code="twilio-20003", message=f"refused {ANN}", hint="Mend it.")
    await execute(house.redis, [call])
    conversation = house.keys.conversation("aaaa")
    await house.redis.hset(conversation, "account", "gone")  # type: ignore[misc]
    await house.redis.zadd(house.keys.busy, {house.keys.lane(Stage.AGENT, "aaaa").list: 9e15})
    found = await examine(house, status=1)
    wrong = {name: result for name, result in found.items() if result != "ok"}
    assert wrong == {
        "settings": "warning",
        "retries": "warning",
        "redis-memory": "bad",
        "redis-persistence": "bad",
        "workers": "bad",
        "paused": "bad",
        "removed-account": "warning",
        "probe": "warning",
    }
    assert "2025550111" not in await house.cli("doctor", status=1, stream="out")


async def test_it_works_with_nothing_running_and_says_so(house: House) -> None:
    house.extra_environ = {"TEXTGATE_REDIS_URL": ""}
    (house.folder / "textgate.json5").write_text(json.dumps(house.config))
    said = await house.cli("doctor", status=2, stream="out")
    found, todo = [line for line in said.splitlines() if "atewa" in line or "textgate up" in line][:2]
    assert found.endswith("No gateway found.")
    assert todo.strip().startswith("-> Start `textgate up`")


async def test_a_redis_that_is_away_is_named_without_its_password(house: House) -> None:
    house.extra_environ = {"TEXTGATE_REDIS_URL": "redis://:hush-hush@127.0.0.1:1"}
    house.write_config()
    said = await house.cli("doctor", status=1, stream="out")
    assert "Redis does not answer at 127.0.0.1:1 (nothing listens there)." in said
    assert "hush" not in said


async def test_an_agent_that_cannot_be_loaded_is_named(house: House) -> None:
    (house.folder / "my_agent.py").write_text("def reply(turn):\n    return turn.prompt\n")
    house.config["agent"] = {"kind": "python", "callable": "my_agent:nope"}
    house.write_config()
    assert (await examine(house, status=1))["agent"] == "bad"
    said = await house.cli("doctor", status=1, stream="out")
    assert "Account default: agent.callable: my_agent:nope is no callable" in said
    house.config["agent"]["callable"] = "my_agent:reply"
    house.write_config()
    assert (await examine(house, status=1))["agent"] == "ok"


async def test_a_configuration_that_is_refused_is_the_one_finding(house: House) -> None:
    (house.folder / "textgate.json5").write_text("{channels: {sms: {dmpolicy: 'open'}}}")
    assert await examine(house, status=1) == {"configuration": "bad"}


async def test_a_token_that_is_not_at_hand_keeps_nothing_else_from_being_checked(house: House) -> None:
    house.config["channels"]["sms"]["authToken"] = {"source": "env", "id": "NOT_SET_HERE"}
    (house.folder / "textgate.json5").write_text(json.dumps(house.config))
    found = await examine(house, status=1)
    assert found["configuration"] == "bad"
    assert {"retries", "redis", "redis-persistence", "ingress", "queues"} <= set(found)
    await house.cli("doctor", "--bundle", str(house.folder / "help.zip"), status=1, stream="out")
    with zipfile.ZipFile(house.folder / "help.zip") as archive:
        kept = json.loads(archive.read("textgate-doctor/config.json"))
    assert kept["channels"]["sms"]["authToken"] == "*** (env NOT_SET_HERE)"


async def test_the_bundle_holds_no_secret_no_number_and_no_text(house: House) -> None:
    block = house.config["channels"]["sms"]
    block |= {"dmPolicy": "allowlist", "allowFrom": [ANN, int(BOB[1:])]}
    house.config["workers"] = {"probe": {"alarmUrl": "https://alarm.example.com/hush-hush?key=psst-psst"}}
    house.config["api"] = {"tokens": {"bot": {"token": "a-token-of-the-api", "scopes": ["messages:send"]}}}
    await house.start("ingress")
    await house.text(ANN, WORDS)
    await house.cli("message", "send", "--target", BOB, "--message", WORDS)
    file = house.folder / "help.zip"
    await house.cli("doctor", "--bundle", str(file), status=1, stream="out")
    with zipfile.ZipFile(file) as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
        text = "\n".join(archive.read(name).decode() for name in archive.namelist())
    assert names == {"config.json", "doctor.json", "state.json", "versions.json"}
    assert file.stat().st_mode & 0o077 == 0
    hidden = (
        DEFAULT_AUTH_TOKEN,
        "a-token-of-the-api",
        "hush-hush",
        "psst-psst",
        WORDS,
        *(each[1:] for each in (ANN, BOB, OURS)),
    )
    assert [each for each in hidden if each in text] == []
    assert '"agent": 1' in text  # the queue: its size is there
    assert '"dmPolicy": "allowlist"' in text


async def test_a_bundle_overwrites_nothing(house: House) -> None:
    file = house.folder / "kept.zip"
    file.write_text("of another day")
    said = await house.cli("doctor", "--bundle", str(file), status=1, stream="err")
    assert "exists, and is not overwritten; name another file" in said
    assert file.read_text() == "of another day"
