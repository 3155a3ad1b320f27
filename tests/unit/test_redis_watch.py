"""An outage of Redis is two lines in the ingress' log, however many webhooks it cost."""

from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from ingress.redis_watch import RedisWatch


class Server:
    """Answers a ping, or does not."""

    def __init__(self) -> None:
        self.there = True

    async def ping(self) -> bool:
        if not self.there:
            raise RedisConnectionError("refused")
        return True


async def test_away_and_back_are_told_once_with_what_it_cost() -> None:
    server = Server()
    watch = RedisWatch(server.ping)
    with capture_logs() as said:
        await watch.look()
        assert said == []
        server.there = False
        for _ in range(3):
            await watch.look()
        for _ in range(5):
            watch.refused("Redis is away: ConnectionError")
        server.there = True
        await watch.look()
        await watch.look()
    assert [(line["event"], line["log_level"]) for line in said] == [("redis_away", "error"), ("redis_back", "warning")]
    assert said[1]["answered_503"] == 5


async def test_a_webhook_may_notice_first_and_the_next_outage_counts_anew() -> None:
    server = Server()
    watch = RedisWatch(server.ping)
    with capture_logs() as said:
        for refused in (2, 1):
            for _ in range(refused):
                watch.refused("Redis is away: TimeoutError")
            await watch.look()
    assert [line["event"] for line in said] == ["redis_away", "redis_back"] * 2
    assert [line["answered_503"] for line in said if line["event"] == "redis_back"] == [2, 1]
