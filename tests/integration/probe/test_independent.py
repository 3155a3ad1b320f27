"""The probe's reading against a stand-in for Twilio that we did not write: Prism with Twilio's own OpenAPI documents.

Needs node's `prism` (npm: @stoplight/prism-cli) and a folder with twilio_api_v2010.json, twilio_messaging_v1.json and
twilio_monitor_v1.json from github.com/twilio/twilio-oai, spec/json; skipped where they are not:

    TEXTGATE_PRISM=/path/to/prism TEXTGATE_TWILIO_OAI=/path/to/spec/json python -m pytest tests/integration/probe

Contract: every list and fetch call of the real SDK is answered as documented and read as a fact.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from cli.ports import free_ports
from tests.integration.probe.bench import SERVICE, Bench
from workers.probe.ask import Fetcher
from workers.probe.facts import Facts, Missing, NumberFact, ServiceFact
from workers.probe.fetch import fetch_facts
from workers.probe.run import opened_twilio

PRISM = os.environ.get("TEXTGATE_PRISM") or shutil.which("prism")
DOCUMENTS = Path(os.environ.get("TEXTGATE_TWILIO_OAI", "/nonexistent"))
PRODUCTS = {"api": "twilio_api_v2010", "messaging": "twilio_messaging_v1", "monitor": "twilio_monitor_v1"}

pytestmark = [
    pytest.mark.skipif(PRISM is None, reason="prism is not installed"),
    pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="Twilio's OpenAPI documents are not here"),
    pytest.mark.timeout(300),
]


@contextlib.asynccontextmanager
async def prisms() -> AsyncIterator[str]:
    """One Prism per product behind one address, chosen by the host that was asked for."""
    ports = dict(zip(PRODUCTS, free_ports(len(PRODUCTS)), strict=True))
    processes = [
        await asyncio.create_subprocess_exec(
            *(str(PRISM), "mock", str(DOCUMENTS / f"{PRODUCTS[product]}.json"), "-p", str(port), "-h", "127.0.0.1"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        for product, port in ports.items()
    ]
    try:
        async with aiohttp.ClientSession() as http:
            await until_they_answer(http, list(ports.values()))

            async def forward(request: web.BaseRequest) -> web.StreamResponse:
                port = ports[request.headers["X-Original-Host"].partition(".")[0]]
                headers = {name: request.headers[name] for name in ("Authorization", "Accept")}
                url = f"http://127.0.0.1:{port}{request.path_qs}"
                async with http.request(request.method, url, headers=headers, data=await request.read()) as answer:
                    body = await answer.read()
                    return web.Response(status=answer.status, body=body, content_type="application/json")

            runner = web.ServerRunner(web.Server(forward))
            await runner.setup()
            (port,) = free_ports(1)
            await web.TCPSite(runner, "127.0.0.1", port).start()
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                await runner.cleanup()
    finally:
        for process in processes:
            process.terminate()
            await process.wait()


async def until_they_answer(http: aiohttp.ClientSession, ports: list[int]) -> None:
    """Reading the documents takes Prism a while."""
    async with asyncio.timeout(240):
        for port in ports:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"http://127.0.0.1:{port}/"):
                        break
                await asyncio.sleep(0.2)


async def facts_of(bench: Bench) -> Facts:
    settings = bench.settings()
    async with opened_twilio(settings) as twilio:
        deadline = asyncio.get_running_loop().time() + 60
        fetcher = Fetcher(twilio, settings.accounts["default"], deadline=deadline)
        return await fetch_facts(fetcher, now_s=time.time())


async def test_every_answer_of_an_independent_stand_in_is_read(bench: Bench) -> None:
    async with prisms() as base:
        bench.api_base = base
        by_number = await facts_of(bench)
        bench.use_service()
        by_service = await facts_of(bench)
    for facts in (by_number, by_service):
        missing = {
            name: getattr(facts, name)
            for name in ("account", "balance", "numbers", "service", "log", "alerts")
            if isinstance(getattr(facts, name), Missing)
        }
        assert missing == {}
    assert not isinstance(by_number.numbers, Missing)
    assert all(isinstance(number, NumberFact) for number in by_number.numbers)
    assert isinstance(by_service.service, ServiceFact)
    assert by_service.service.sid == SERVICE
    assert not isinstance(by_service.service.campaigns, Missing)
    assert msgspec.json.encode(by_number)
