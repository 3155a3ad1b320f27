"""Fixtures of the conversations' tests."""

import pytest
from redis.asyncio import Redis

from shared.keys import Keys
from tests.integration.conversations.talk import Talk


@pytest.fixture
def talk(redis: Redis, keys: Keys) -> Talk:
    """A conversation with an agent that wants its history."""
    return Talk(redis, keys)
