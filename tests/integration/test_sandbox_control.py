"""The control routes under `/sandbox` and the life of the server.

Contract: a phone can text, everything that happened can be read and waited for, faults can be scripted over HTTP; a
wrong request is told what was expected; only this machine may ask; a stop is quick and clean.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, DEFAULT_NUMBER, default_config
from sandbox.server import RunningSandbox, run, serve

PHONE = "+14155550123"
MESSAGES = f"/2010-04-01/Accounts/{DEFAULT_ACCOUNT_SID}/Messages.json"
BASIC = {"Authorization": aiohttp.encode_basic_auth(DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN)}


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with serve(default_config(status_gap_s=0)) as running:
        yield running


@pytest.fixture
async def http(sandbox: RunningSandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sandbox.base_url) as session:
        yield session


async def ask(http: aiohttp.ClientSession, method: str, path: str, body: object = None) -> tuple[int, Any]:
    async with http.request(method, path, json=body) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


async def send(http: aiohttp.ClientSession, body: str = "hi") -> None:
    async with http.post(MESSAGES, data={"To": PHONE, "From": DEFAULT_NUMBER, "Body": body}, headers=BASIC) as answer:
        assert answer.status == 201


async def test_a_phone_texts_and_the_message_can_be_seen(http: aiohttp.ClientSession) -> None:
    status, text = await ask(http, "POST", "/sandbox/texts", {"from": PHONE, "to": DEFAULT_NUMBER, "body": "hello"})
    assert (status, text["webhook_status"], text["posts"]) == (201, None, [])
    await send(http)
    _, everything = await ask(http, "GET", "/sandbox/messages")
    assert [message["direction"] for message in everything["messages"]] == ["inbound", "outbound-api"]
    _, inbound = await ask(http, "GET", "/sandbox/messages?direction=inbound")
    assert [message["sid"] for message in inbound["messages"]] == [text["sid"]]
    _, one = await ask(http, "GET", f"/sandbox/messages/{text['sid']}")
    assert (one["from"], one["body"], one["status"]) == (PHONE, "hello", "received")


async def read(http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        return await answer.text()


async def test_a_person_reads_the_texts_as_a_conversation(sandbox: RunningSandbox, http: aiohttp.ClientSession) -> None:
    assert "POST /sandbox/texts" in await read(http, "/sandbox/conversation")
    await ask(http, "POST", "/sandbox/texts", {"from": PHONE, "to": DEFAULT_NUMBER, "body": "hello"})
    await send(http, "You said:\n\x1b[2Jhello")
    await sandbox.state.settle()
    await ask(http, "PUT", "/sandbox/phones/+14155550199", {"final_status": "failed", "error_code": 30008})
    other = {"To": "+14155550199", "From": DEFAULT_NUMBER, "Body": "hi", "MediaUrl": "https://example.com/a.png"}
    async with http.post(MESSAGES, data=other, headers=BASIC) as answer:
        assert answer.status == 201
    await sandbox.state.settle()
    first = f"{PHONE} and {DEFAULT_NUMBER}\n> hello\n< You said:\n  \ufffd[2Jhello\n  [delivered]\n"
    second = f"+14155550199 and {DEFAULT_NUMBER}\n< hi\n  [1 file, failed, error 30008]\n"
    assert await read(http, "/sandbox/conversation") == f"{first}\n{second}"
    for plus in ("", "+", "%2B"):
        assert await read(http, f"/sandbox/conversation?phone={plus}14155550199") == second


@pytest.mark.parametrize("path", ["/", "/sandbox/nothing"])
async def test_whoever_looks_around_is_told_what_there_is(http: aiohttp.ClientSession, path: str) -> None:
    status, said = await ask(http, "GET", path)
    assert (status, said["error"]) == (404, f"nothing is at {path}")
    for route in ("POST /sandbox/texts", "GET /sandbox/conversation", "POST /sandbox/faults", "PUT /sandbox/twilio"):
        assert route in said["expected"]
    assert (await ask(http, "GET", "/2010-04-01/nothing"))[1]["code"] == 20404, "the rest answers as Twilio does"


async def test_a_texts_webhook_is_posted_and_can_be_repeated(
    sandbox: RunningSandbox, http: aiohttp.ClientSession
) -> None:
    url = f"{sandbox.base_url}/sandbox"  # answers 405 to a POST: any server will do
    status, _ = await ask(http, "PUT", f"/sandbox/numbers/{DEFAULT_NUMBER}", {"sms_url": url})
    assert status == 200
    _, text = await ask(http, "POST", "/sandbox/texts", {"from": PHONE, "to": DEFAULT_NUMBER})
    assert (text["webhook_status"], text["error_code"]) == (405, 11200)
    _, again = await ask(http, "POST", f"/sandbox/messages/{text['sid']}/webhook")
    assert again["webhook_status"] == 405
    silent = {"from": PHONE, "to": DEFAULT_NUMBER, "post_webhook": False}
    _, text = await ask(http, "POST", "/sandbox/texts", silent)
    assert text["posts"] == []
    _, text = await ask(http, "POST", "/sandbox/texts", {"from": PHONE, "to": DEFAULT_NUMBER, "background": True})
    assert text["posts"] == []
    await sandbox.state.settle()
    message = sandbox.state.find(text["sid"])
    assert message is not None
    assert [result.status for result in message.webhooks] == [405]


async def test_events_can_be_waited_for(http: aiohttp.ClientSession) -> None:
    query = "/sandbox/events?kind=status&status=delivered&wait=30"
    waiting = asyncio.create_task(ask(http, "GET", query))
    await send(http)
    _, answer = await waiting
    assert [(event["to"], event["body"]) for event in answer["events"]] == [(PHONE, "hi")]
    _, after = await ask(http, "GET", f"/sandbox/events?after={answer['last']}")
    assert after["events"] == []


async def test_faults_are_scripted_listed_and_cleared(http: aiohttp.ClientSession) -> None:
    fault = {"answer": "error", "accepted": False, "status": 400, "code": 21610, "body_contains": "bad", "times": 2}
    status, _ = await ask(http, "POST", "/sandbox/faults", fault)
    assert status == 201
    await send(http, "good")
    async with http.post(MESSAGES, data={"To": PHONE, "From": DEFAULT_NUMBER, "Body": "bad"}, headers=BASIC) as answer:
        assert (await answer.json())["code"] == 21610
    _, waiting = await ask(http, "GET", "/sandbox/faults")
    assert [item["left"] for item in waiting["faults"]] == [1]
    assert (await ask(http, "DELETE", "/sandbox/faults"))[0] == 204
    await send(http, "bad")


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/sandbox/texts", {"from": PHONE, "to": DEFAULT_NUMBER, "bdy": "x"}, "body, media"),
        ("POST", "/sandbox/texts", {"from": PHONE, "to": "+12025550111"}, DEFAULT_NUMBER),
        ("POST", "/sandbox/texts", {"to": DEFAULT_NUMBER}, "from (required)"),
        ("POST", "/sandbox/faults", {"accepted": False}, "answer 'drop' or 'error'"),
        ("POST", "/sandbox/faults", {"answer": "error", "status": 429}, "accepted=false"),
        ("PUT", "/sandbox/numbers/+1", {"sms_url": "https://gateway.example/sms"}, "on this machine"),
        ("PUT", "/sandbox/numbers/+1", {"account_sid": "AC1"}, DEFAULT_ACCOUNT_SID),
        ("PUT", "/sandbox/phones/+1", {"final_status": "lost"}, "final_status"),
        ("GET", "/sandbox/events?wait=1000", None, "wait"),
    ],
)
async def test_a_wrong_request_is_told_what_was_expected(
    http: aiohttp.ClientSession, method: str, path: str, body: object, says: str
) -> None:
    status, complaint = await ask(http, method, path, body)
    assert status == 400
    assert says in complaint["error"] + complaint["expected"]


async def test_only_pages_of_this_machine_control_the_sandbox(http: aiohttp.ClientSession) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "rebound.example"}):
        async with http.delete("/sandbox", headers=headers) as answer:
            assert answer.status == 403
    async with http.get("/sandbox", headers={"Origin": "http://localhost:9000"}) as answer:
        assert answer.status == 200


async def test_a_reset_forgets_what_happened_but_not_the_numbers(http: aiohttp.ClientSession) -> None:
    await send(http)
    await ask(http, "PUT", f"/sandbox/phones/{PHONE}", {"final_status": "failed", "error_code": 30008})
    assert (await ask(http, "DELETE", "/sandbox"))[0] == 204
    _, summary = await ask(http, "GET", "/sandbox")
    assert (summary["messages"], list(summary["numbers"])) == (0, [DEFAULT_NUMBER])
    await send(http)


async def test_another_host_is_refused() -> None:
    with pytest.raises(ValueError, match="loopback"):
        run(default_config(), host="0.0.0.0")  # noqa: S104 refused is what is tested
    with pytest.raises(ValueError, match="loopback"):
        async with serve(default_config(), host="192.0.2.1"):
            pass


async def test_a_stop_lets_waiting_readers_go() -> None:
    async with aiohttp.ClientSession() as session:
        async with serve(default_config()) as running:
            url = f"{running.base_url}/sandbox/events?wait=60"
            waiting = asyncio.create_task(ask(session, "GET", url))
            async with session.get(f"{running.base_url}/sandbox") as answer:
                assert answer.status == 200
        status, answer_body = await waiting
        assert (status, answer_body["events"]) == (200, [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_alone_it_says_where_it_listens_and_ends_well_on_a_signal(number: signal.Signals) -> None:
    program = (
        "from sandbox.config import default_config\n"
        "from sandbox.server import run\n"
        "run(default_config(), on_ready=lambda url: print(url, flush=True))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    base_url = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession(base_url) as session, session.get("/sandbox") as answer:
        assert answer.status == 200
    process.send_signal(number)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
