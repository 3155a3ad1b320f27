"""How sure is sure: what Redis must confirm before we say that something is stored.

`redis.durability` states the promise, beyond what the server does by itself:

    memory    nothing is asked: Redis has it in memory
    everysec  nothing is asked: the server's `appendfsync everysec` (or `always`) writes it
    always    WAITAOF: the server says that its append-only file holds it (Redis 7.2 or newer, Valkey). With
              `appendfsync always` that is so before any answer, and WAITAOF costs next to nothing.

`redis.waitReplicas` n adds: n replicas have it, so a failover to one of them loses nothing. A server that cannot
confirm (no append-only file, too few replicas) makes every write a 503, never a silent half promise.
"""

from shared.round_trip import Confirm
from shared.settings import Durability, RedisSettings

CONFIRM_LIMIT_MS = 1000


def confirmation(settings: RedisSettings) -> Confirm | None:
    """The command that ends each group of writes, None if nothing is to be asked."""
    replicas = settings.wait_replicas
    if settings.durability is Durability.ALWAYS:
        return Confirm(("WAITAOF", 1, replicas, CONFIRM_LIMIT_MS), (1, replicas))
    if replicas:
        return Confirm(("WAIT", replicas, CONFIRM_LIMIT_MS), (replicas,))
    return None
