"""Each journey gets a gateway of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journeys.house import House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A gateway that is not started yet."""
    async with open_house(tmp_path) as opened:
        yield opened
