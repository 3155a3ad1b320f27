"""Many thousand generated webhooks: a documented status for each, no exception, and nothing stored that should not be.

`TEXTGATE_FUZZ=100000` sets how many, `TEXTGATE_FUZZ_SEED=7` makes the same ones again. The counts are printed at the end.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from hypothesis import HealthCheck, given, settings, strategies as st

from ingress import body as request_body
from shared.keys import Keys
from tests.fuzz.conftest import NOTES, TOLD
from tests.fuzz.gate import ACCOUNTS, DOCUMENTED, NO_ANSWER, Gate, Webhook, opened
from tests.fuzz.mutations import FORM, Forge
from tests.fuzz.oracle import Fields, Model
from twilio.request_validator import RequestValidator

HOW_MANY = int(os.environ.get("TEXTGATE_FUZZ", "25000"))
VOLLEY = 100


@contextmanager
def quiet() -> Iterator[None]:
    """The gateway logs each refusal; a hundred thousand of them are no help."""
    with structlog.testing.capture_logs() as entries:
        entries.clear()
        yield


async def shoot(gate: Gate, model: Model, webhooks: list[Webhook], told: Counter[int]) -> None:
    """Send all at once; hold each answer against the contract and against the model."""
    with structlog.testing.capture_logs() as logged:
        statuses = await gate.volley(webhooks)
    assert not any(entry["log_level"] == "critical" for entry in logged)
    for webhook, status in zip(webhooks, statuses, strict=True):
        must_pass = model.tell(webhook)
        shown = webhook.as_one_piece()
        assert (status == 200) is must_pass or webhook.path in ("/healthz", "/readyz"), (shown, status)
        assert status in DOCUMENTED or (status == NO_ANSWER and webhook.hangs_up), (shown, status)
        told[status] += 1


async def test_a_hundred_thousand_tampered_webhooks_store_only_what_is_genuine_and_allowed(redis_url: str) -> None:
    seed = int(os.environ.get("TEXTGATE_FUZZ_SEED") or random.randrange(1_000_000))
    told = TOLD.setdefault("bytes tampered with", Counter())
    NOTES["bytes tampered with"] = f" (seed {seed})"
    forge, model = Forge(seed), Model(ACCOUNTS)
    async with opened(redis_url) as gate:
        while told.total() < HOW_MANY:
            await shoot(gate, model, [forge.make() for _ in range(VOLLEY)], told)
        await model.check(gate.redis, gate.keys)
        await gate.redis.flushall()
    assert told.keys() >= {200, 400, 403, 404, 405, 413, 429}
