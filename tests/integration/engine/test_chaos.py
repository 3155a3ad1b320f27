"""Under load, workers and Redis are killed at random moments: no text is lost, doubled or reordered."""

import asyncio
import random

from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.lanes import append
from shared.redis_client import AWAY, load_list
from shared.round_trip import execute
from tests.integration.engine.rig import Fleet, Process, Server, until

CONVERSATIONS = [f"c{number}" for number in range(20)]
KILLS = 5
PAUSE_S = 0.005
"""Between texts, so that workers keep up and there is always something under way."""


class Texts:
    """What was sent, and what has come out at the other end."""

    def __init__(self, redis: Redis, keys: Keys, seed: int) -> None:
        self._redis = redis
        self._keys = keys
        self._rng = random.Random(seed)
        self.sent: dict[str, list[bytes]] = {conversation: [] for conversation in CONVERSATIONS}
        self.count = 0
        self.enough = False

    async def send(self) -> None:
        """Text after text, each until it is certainly in."""
        while not self.enough:
            conversation = self._rng.choice(CONVERSATIONS)
            record = f"text {self.count}".encode()
            await until(lambda: self._tried(conversation, record))  # noqa: B023 - called at once
            self.sent[conversation].append(record)
            self.count += 1
            await asyncio.sleep(PAUSE_S)

    async def more(self, number: int) -> None:
        """Wait until so many more have been sent."""
        goal = self.count + number
        await until(lambda: self.count >= goal, "more texts")

    async def _tried(self, conversation: str, record: bytes) -> bool:
        """An append whose answer got lost may have been carried out: look first. (Admission has its own memory.)"""
        try:
            if record in await self.waiting(conversation) + await self.handed_over(conversation):
                return True
            lane = self._keys.lane(Stage.AGENT, conversation)
            (reply,) = await execute(self._redis, [append(lane=lane, stage=Stage.AGENT, records=(record,))])
        except AWAY:
            return False
        return isinstance(reply, int)

    async def waiting(self, conversation: str) -> list[bytes]:
        return await load_list(self._redis, self._keys.lane(Stage.AGENT, conversation).list, 0, -1)

    async def handed_over(self, conversation: str) -> list[bytes]:
        return await load_list(self._redis, self._keys.lane(Stage.FORMAT, conversation).list, 0, -1)

    async def all_through(self) -> bool:
        return not any([await self.waiting(conversation) for conversation in CONVERSATIONS])

    async def check(self) -> None:
        await until(self.all_through, "the last text")
        for conversation in CONVERSATIONS:
            assert await self.handed_over(conversation) == self.sent[conversation]
        assert await self._redis.zcard(self._keys.queue("agent")) == 0
        assert not [key async for key in self._redis.scan_iter("arq:*:test:lane:agent:*")]


async def test_killed_workers_lose_double_and_reorder_nothing(fleet: Fleet, redis: Redis, keys: Keys) -> None:
    rng, texts = random.Random(1), Texts(redis, keys, seed=1)
    workers = [fleet.start(lease_s=1, peek=5) for _ in range(3)]
    sending = asyncio.create_task(texts.send())
    for _ in range(KILLS):
        victim = rng.randrange(len(workers))
        await up(workers[victim], redis, keys)
        await texts.more(rng.randrange(5, 50))
        workers[victim].kill()
        workers[victim] = fleet.start(lease_s=1, peek=5)
    texts.enough = True
    await sending
    await texts.check()


async def test_a_killed_redis_loses_doubles_and_reorders_nothing(
    own_fleet: Fleet, own_server: Server, own_redis: Redis, keys: Keys
) -> None:
    """Its append-only file is written at every turn."""
    texts = Texts(own_redis, keys, seed=2)
    workers = [own_fleet.start(lease_s=1, peek=5) for _ in range(2)]
    for worker in workers:
        await up(worker, own_redis, keys)
    sending = asyncio.create_task(texts.send())
    for _ in range(KILLS):
        await texts.more(40)
        own_server.kill()
        own_server.start()
    texts.enough = True
    await sending
    await texts.check()
    assert all(worker.alive for worker in workers)


async def up(worker: Process, redis: Redis, keys: Keys) -> None:
    """Wait until this worker has said that it lives."""

    async def seen() -> bool:
        return bool(await redis.keys(keys.health("agent", f"*-{worker.pid}-*")))

    await until(seen, "a worker")
