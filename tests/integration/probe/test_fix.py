"""`--fix` and `--undo` through the command itself.

Contract: nothing is changed without a yes; what is written is shown before, is the messaging webhook and nothing else,
and is read back; what was there before survives in a private file and in Redis, and comes back by `--undo`.
"""

import json
import os
import pty
import stat

import msgspec
import pytest

from sandbox.faults import Answer, Fault, Operation
from shared.errors import PermanentError
from tests.integration.probe.bench import APPLICATION, NUMBER, SECOND, SERVICE, SID, STRANGER, TOKEN, Bench
from workers.probe.repair import Change, FieldChange, Target, apply_change
from workers.probe.run import opened_twilio

OLD = "https://old.example.com/sms"


async def test_a_probe_says_what_is_wrong_and_how_to_repair_it(bench: Bench) -> None:
    bench.set_number(sms_url=bench.url.replace("/sms#", "/text#"))
    said = await bench.cli("--probe")
    assert said.status == 1
    first = said.out.splitlines()[1]
    assert "BAD" in first
    assert "url-path" in first
    assert "/webhooks/text" in said.out
    assert "Let `--fix` write" in said.out
    assert "\x1b" not in said.out
    assert max(len(line) for line in said.out.splitlines()) <= 100
    assert bench.written() == []


async def test_the_verdict_is_the_exit_status(bench: Bench) -> None:
    assert (await bench.cli("--probe")).status == 0
    bench.fail("IncomingPhoneNumbers")
    assert (await bench.cli("--probe", "--timeout", "10")).status == 2
    bench.set_number(sms_url="")
    assert (await bench.cli("--probe")).status == 1


async def test_programs_get_every_finding_and_no_secret(bench: Bench, redis_url: str) -> None:
    bench.set_number(sms_url=bench.url.replace("://", "://user:hunter2@"))
    bench.text()
    said = await bench.cli("--probe", "--json", TEXTGATE_REDIS_URL=redis_url)
    shown = json.loads(said.out)["probe"]
    assert (said.status, shown["verdict"]) == (1, "bad")
    (account,) = shown["accounts"]
    codes = {finding["code"]: finding for finding in account["findings"]}
    assert codes["url-user-info"]["fixable"]
    assert codes["texts-not-arrived"]["detail"]["count"] == 1
    assert [field["name"] for change in account["changes"] for field in change["fields"]] == ["sms_url"]
    for secret in (TOKEN, "hunter2", STRANGER[1:], NUMBER[1:], "what they said"):
        assert secret not in said.out + said.err


async def test_a_fix_writes_the_webhook_reads_it_back_and_can_be_undone(bench: Bench, redis_url: str) -> None:
    bench.set_number(sms_url=OLD, sms_method="GET", sms_fallback_url="https://backup.example.com/")
    before = bench.number()
    said = await bench.cli("--fix", "--yes", TEXTGATE_REDIS_URL=redis_url)
    assert said.status == 0, said.out
    assert f"sms_url     {OLD} -> {bench.url}" in said.out
    assert "sms_method  GET -> POST" in said.out
    assert "read back as written" in said.out
    assert bench.written() == ["SmsMethod SmsUrl"]
    assert bench.number() == msgspec.structs.replace(before, sms_url=bench.url, sms_method="POST")
    saved = bench.folder / ".local/state/textgate/before-fix/default.json"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    saved.unlink()  # Redis alone remembers now
    undone = await bench.cli("--undo", "--yes", TEXTGATE_REDIS_URL=redis_url)
    assert undone.status == 1  # as bad as before
    assert bench.number() == before
    assert bench.written() == ["SmsMethod SmsUrl"] * 2
    assert "nothing to take back" in (await bench.cli("--undo", "--yes", TEXTGATE_REDIS_URL=redis_url)).out


async def test_without_redis_the_file_alone_remembers(bench: Bench) -> None:
    bench.set_number(sms_url=OLD)
    assert (await bench.cli("--fix", "--yes")).status == 0
    assert (await bench.cli("--undo", "--yes")).status == 1
    assert bench.number().sms_url == OLD


async def test_two_fixes_are_undone_one_by_one_with_exact_old_values(bench: Bench) -> None:
    first = OLD.replace("://", "://user:hunter2@")
    for old in (first, OLD):
        bench.set_number(sms_url=old)
        said = await bench.cli("--fix", "--yes")
        assert "hunter2" not in said.out + said.err
    for old in (OLD, first):
        await bench.cli("--undo", "--yes")
        assert bench.number().sms_url == old


async def test_without_a_terminal_the_change_is_shown_and_waits_for_a_yes(bench: Bench) -> None:
    bench.set_number(sms_url=OLD)
    said = await bench.cli("--fix")
    assert said.status == 2
    assert f"sms_url  {OLD} -> {bench.url}" in said.out
    assert said.err == "textgate: nothing was changed, since there is no terminal to ask at: add --yes to write this\n"
    assert bench.written() == []

    for_programs = await bench.cli("--fix", "--json")
    (account,) = json.loads(for_programs.out)["probe"]["accounts"]
    assert (for_programs.status, len(account["changes"]), account["applied"]) == (2, 1, [])

    await bench.cli("--fix", "--yes")
    undo = await bench.cli("--undo")
    assert undo.status == 2
    assert f"sms_url  {bench.url} -> {OLD}" in undo.out
    assert "add --yes" in undo.err
    assert bench.written() == ["SmsUrl"]


async def test_without_a_terminal_nothing_to_change_is_no_question(bench: Bench) -> None:
    said = await bench.cli("--fix")
    assert (said.status, said.err) == (0, "")
    assert "Nothing at Twilio is to be changed" in said.out


async def test_fix_and_undo_contradict_each_other(bench: Bench) -> None:
    assert "choose one" in (await bench.cli("--fix", "--undo")).err


@pytest.mark.parametrize(("answer", "status", "is_changed"), [(b"n\n", 1, False), (b"\n", 1, False), (b"y\n", 0, True)])
async def test_a_person_is_asked(bench: Bench, answer: bytes, status: int, is_changed: bool) -> None:
    bench.set_number(sms_url=OLD)
    master, slave = pty.openpty()
    os.write(master, answer)
    try:
        said = await bench.cli("--fix", stdin=slave)
    finally:
        os.close(slave)
        os.close(master)
    assert said.status == status
    assert "Write this to Twilio? [y/N]" in said.err
    assert (bench.number().sms_url == bench.url) is is_changed


async def test_a_service_that_defers_gets_the_webhook_itself(bench: Bench) -> None:
    bench.put_service(NUMBER, SECOND, use_inbound_webhook_on_number=True)
    bench.use_service()
    assert (await bench.cli("--probe")).status == 1
    assert (await bench.cli("--fix", "--yes")).status == 0
    service = bench.state.directory.service(SID, SERVICE)
    assert service is not None
    assert (service.inbound_request_url, service.use_inbound_webhook_on_number) == (bench.url, False)
    assert bench.written() == ["InboundRequestUrl UseInboundWebhookOnNumber"]


async def test_a_service_that_holds_other_numbers_too_is_left_to_its_owner(bench: Bench) -> None:
    bench.put_service(NUMBER, SECOND, inbound_request_url=OLD)
    said = await bench.cli("--fix", "--yes")
    assert said.status == 1
    assert "service-overrides-number" in said.out
    assert "Nothing at Twilio is to be changed" in said.out
    assert bench.written() == []


async def test_a_service_of_our_number_alone_is_set(bench: Bench) -> None:
    bench.put_service(NUMBER, inbound_request_url=OLD, inbound_method="GET")
    assert (await bench.cli("--fix", "--yes")).status == 0
    assert bench.written() == ["InboundMethod InboundRequestUrl"]


async def test_an_application_is_taken_off_the_messaging_side_and_stays_as_it_is(bench: Bench) -> None:
    bench.put_application(sms_url=OLD, voice_url="https://voice.example.com/app")
    application = bench.state.directory.application(SID, APPLICATION)
    assert (await bench.cli("--fix", "--yes")).status == 0
    assert bench.number().sms_application_sid == ""
    assert bench.state.directory.application(SID, APPLICATION) == application
    assert bench.written() == ["SmsApplicationSid"]
    assert (await bench.cli("--undo", "--yes")).status == 1
    assert bench.number().sms_application_sid == APPLICATION


async def test_no_request_of_any_repair_names_voice(bench: Bench) -> None:
    bench.set_number(sms_url=OLD, sms_method="GET")
    voice = bench.number().voice_url
    await bench.cli("--fix", "--yes")
    bench.put_application(sms_url=OLD)
    await bench.cli("--fix", "--yes")
    await bench.cli("--undo", "--yes")
    bench.put_service(NUMBER)
    await bench.cli("--fix", "--yes")
    fields = {name for note in bench.written() for name in note.split()}
    assert fields == {"SmsUrl", "SmsMethod", "SmsApplicationSid", "InboundRequestUrl"}
    assert bench.number().voice_url == voice


async def test_a_field_that_is_not_ours_cannot_be_written(bench: Bench) -> None:
    field = FieldChange(name="voice_url", old="", new="https://evil.example.com/")
    change = Change(target=Target.NUMBER, sid=bench.number().sid, label="number", fields=(field,))
    async with opened_twilio(bench.settings()) as twilio:
        with pytest.raises(PermanentError, match="not ours to write: voice_url"):
            await apply_change(twilio, bench.account(), change)
    assert bench.written() == []


async def test_a_write_that_twilio_did_not_keep_is_told(bench: Bench) -> None:
    bench.set_number(sms_url=OLD)
    keep_old(bench)
    said = await bench.cli("--fix", "--yes")
    assert said.status == 1
    assert "did not keep sms_url" in said.err


def keep_old(bench: Bench) -> None:
    """Somebody else's program that writes its own URL back at once."""
    put = bench.state.directory.put_number
    bench.state.directory.put_number = lambda number: put(msgspec.structs.replace(number, sms_url=OLD))  # type: ignore[method-assign]


async def test_a_refused_write_is_one_line_and_leaves_a_way_back(bench: Bench) -> None:
    bench.set_number(sms_url=OLD)
    # The first request of this path is the look before the change; the second is the change.
    bench.state.faults.add(
        Fault(
            operation=Operation.CONFIGURATION,
            path_contains="IncomingPhoneNumbers/",
            skip=1,
            answer=Answer.ERROR,
            accepted=False,
            status=400,
            code=21502,
        )
    )
    said = await bench.cli("--fix", "--yes")
    assert said.status == 1
    assert said.err.count("\n") == 1
    assert "could not be changed" in said.err
    assert bench.number().sms_url == OLD
