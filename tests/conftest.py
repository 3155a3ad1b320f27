"""What all tests share: one real Redis for the session, and the check that no key is left without a lifetime."""

import fnmatch
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cli.embedded_redis import EmbeddedRedis
from shared.keys import PERMANENT, Keys
from shared.redis_client import connect

PREFIX = "test:"
ARQ_OWN = ("arq:health-check*", "arq:abort")
"""Keys that a stock arq worker leaves without a TTL by itself."""


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server on a private socket, as `textgate up` starts it."""
    with EmbeddedRedis(Path(tmp_path_factory.mktemp("state")), appendfsync="everysec") as server:
        yield server.url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty database; afterwards every key must have a TTL or be known as permanent."""
    client = connect(redis_url)
    await client.flushall()
    yield client
    immortal = [key.decode() async for key in client.scan_iter(count=1000) if await client.ttl(key) == -1]
    await client.aclose()
    prefixes = (PREFIX, Keys().prefix)  # the second is that of real processes that were not told another
    allowed = (*(f"{prefix}{shape}" for prefix in prefixes for shape in PERMANENT), *ARQ_OWN)
    leaked = [key for key in immortal if not any(fnmatch.fnmatch(key, shape) for shape in allowed)]
    assert not leaked, f"keys without a TTL that are not in shared.keys.PERMANENT: {leaked}"


@pytest.fixture
def keys() -> Keys:
    """The key names under the tests' prefix."""
    return Keys(PREFIX)
