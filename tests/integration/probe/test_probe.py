"""What the probe leaves alone, leaves out, and survives."""

from sandbox.alert import Alert
from sandbox.journal import EventKind
from tests.integration.probe.bench import NUMBER, OTHER_SID, SECOND, SID, Bench, find
from workers.probe.finding import Verdict


async def test_twilio_is_only_read(bench: Bench) -> None:
    bench.set_number(sms_url="https://wrong.example.com/")
    result = await bench.probe()
    assert result.verdict is Verdict.BAD
    assert [event for event in bench.state.journal.since(0) if event.kind is EventKind.CONFIGURED] == []


async def test_errors_at_other_addresses_and_of_other_accounts_are_not_ours(bench: Bench) -> None:
    bench.alert(11200, url="https://another-product.example.com/sms")
    bench.state.alerts.append(Alert(account_sid=OTHER_SID, error_code=11200, request_url=bench.public.url, at=2e9))
    assert "alert-11200" not in (await bench.probe()).codes


async def test_a_text_that_arrived_or_is_still_under_way_is_not_missed(bench: Bench) -> None:
    assert bench.redis is not None
    arrived = bench.text()
    bench.text(age_s=5)
    await bench.redis.set(f"test:seen:default:{arrived.sid}", "accepted c", ex=60)
    assert "texts-not-arrived" not in (await bench.probe()).codes


async def test_without_redis_everything_else_is_probed(bench: Bench) -> None:
    bench.redis = None
    bench.text()
    result = await bench.probe()
    assert result.verdict is Verdict.GOOD
    assert result.codes == {"a2p-missing"}


async def test_one_fact_that_cannot_be_had_stops_no_other(bench: Bench) -> None:
    bench.fail("Alerts")
    bench.set_number(sms_method="GET")
    result = await bench.probe()
    assert {"details-unknown", "method-not-post"} <= result.codes
    assert find(result, "details-unknown").detail == {"missing": {"alerts": "unreachable"}}


async def test_a_tailscale_host_gets_the_funnel_command(bench: Bench) -> None:
    bench.block["publicWebhookUrl"] = "https://box.tail1234.ts.net:8443/sms"
    bench.set_number(sms_url=bench.url)
    found = find(await bench.probe(), "outside-dns")
    assert "`tailscale funnel --bg --https=8443 --set-path /sms http://127.0.0.1:8080/webhooks/sms`" in found.hint


async def test_names_at_twilio_cannot_write_to_the_terminal(bench: Bench) -> None:
    bench.put_service(NUMBER, inbound_request_url="https://x.example.com/\x1b[2J", friendly_name=f"\x1b[31m{SECOND}")
    for finding in (await bench.probe()).findings:
        assert "\x1b" not in finding.sentence + str(finding.detail)
        assert SECOND not in finding.sentence


async def test_a_key_that_may_not_read_everything_is_no_wrong_key(bench: Bench) -> None:
    bench.fail(f"Accounts/{SID}.json", status=401, code=20003)
    bench.fail("IncomingPhoneNumbers", status=401, code=20003, times=2)
    result = await bench.probe()
    assert result.verdict is Verdict.UNKNOWN
    assert result.has("number-unknown")
    assert not result.has("wrong-credentials")


async def test_a_url_that_twilio_cannot_reach_is_never_written_there(bench: Bench) -> None:
    bench.block["publicWebhookUrl"] = "https://10.0.0.7/webhooks/sms"
    result = await bench.probe()
    assert {"url-host", "public-url-private"} <= result.codes
    assert not find(result, "url-host").fixable
    assert result.changes == ()
