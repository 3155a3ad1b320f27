"""Fixtures of the probe's tests: a world in which everything is right, for the test to bend."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.integration.probe.bench import Bench, opened


@pytest.fixture
async def bench(tmp_path: Path, redis: Redis) -> AsyncIterator[Bench]:
    async with opened(tmp_path, redis) as bench:
        yield bench
