"""Many thousand generated webhooks: a documented status for each, no exception, and nothing stored that should not be.

`TEXTGATE_FUZZ=100000` sets how many (20,000 unless told), `TEXTGATE_FUZZ_SEED=7` makes the same ones again. The counts
are printed at the end.
"""

import asyncio
import contextlib
import os
import random
from collections import Counter

import pytest
import structlog
from hypothesis import HealthCheck, given, settings

from ingress import body as request_body
from tests.fuzz.conftest import NOTES, TOLD
from tests.fuzz.gate import ACCOUNTS, DOCUMENTED, NO_ANSWER, Gate, Webhook, opened
from tests.fuzz.mutations import Forge
from tests.fuzz.oracle import Model
from tests.fuzz.strategies import volleys

HOW_MANY = int(os.environ.get("TEXTGATE_FUZZ", "20000"))
VOLLEY = 100
HEALTH = ("/healthz", "/readyz")


async def shoot(gate: Gate, model: Model, webhooks: list[Webhook], told: Counter[int]) -> None:
    """Send all at once; hold each answer against the contract and against the model."""
    with structlog.testing.capture_logs():  # a line for each refusal is no help here
        statuses = await gate.volley(webhooks)
    for webhook, status in zip(webhooks, statuses, strict=True):
        told[status] += 1
        must_pass = model.tell(webhook)
        if webhook.path not in HEALTH:
            assert (status == 200) is must_pass, (webhook.as_one_piece(), status)
        assert status in DOCUMENTED or (status == NO_ANSWER and webhook.hangs_up), (webhook.as_one_piece(), status)


@pytest.mark.timeout(600)
async def test_webhooks_whose_bytes_were_tampered_with_store_only_what_is_genuine_and_allowed(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_body, "MAX_BODY_S", 0.02)  # only a body that never ends can take any time here
    seed = int(os.environ.get("TEXTGATE_FUZZ_SEED") or random.randrange(1_000_000))
    told = TOLD.setdefault("bytes tampered with", Counter())
    NOTES["bytes tampered with"] = f" (TEXTGATE_FUZZ_SEED={seed})"
    forge, model = Forge(seed), Model(ACCOUNTS)
    async with opened(redis_url) as gate:
        while told.total() < HOW_MANY:
            await shoot(gate, model, [forge.make() for _ in range(VOLLEY)], told)
        await model.check(gate.redis, gate.keys)
    assert told.keys() >= {200, 400, 403, 404, 405, 413}


@pytest.mark.timeout(600)
def test_webhooks_by_hypothesis_store_only_what_is_genuine_and_allowed(redis_url: str) -> None:
    told = TOLD.setdefault("by Hypothesis", Counter())
    model = Model(ACCOUNTS)
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        gate = runner.run(stack.enter_async_context(opened(redis_url)))

        @settings(max_examples=max(HOW_MANY // 500, 10), deadline=None, suppress_health_check=list(HealthCheck))
        @given(volleys())
        def fire(webhooks: list[Webhook]) -> None:
            runner.run(shoot(gate, model, webhooks, told))

        try:
            fire()
            runner.run(model.check(gate.redis, gate.keys))
        finally:
            runner.run(stack.aclose())
