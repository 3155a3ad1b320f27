"""No connection of the ingress carries a command before the data behind it is known to be of a version that we know.

The ingress starts while Redis is away and answers 503, so it cannot look once at its start: it looks on every new
connection, which also covers a Redis that was replaced meanwhile. A refused connection looks like a Redis that is away,
so whoever is being served gets 503, and the process is told to end. Redis keys: data-version.
"""

from collections.abc import Callable
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.data_version import ensure_data_version
from shared.errors import ConfigError
from shared.keys import Keys
from shared.logs import logger

log = logger(__name__)


class RefusedDataError(RedisConnectionError):
    """The data behind this connection is not ours to touch."""


class DataDoor:
    """One per ingress process. `refusal` says why the process must end; `on_refusal` is called once, when it is set."""

    def __init__(self, keys: Keys, *, on_refusal: Callable[[], None] = lambda: None) -> None:
        self.refusal: ConfigError | None = None
        self._keys = keys
        self._on_refusal = on_refusal

    async def greet(self, connection: AbstractConnection) -> None:
        """Log in, then look. For redis-py's `redis_connect_func`. Raises RefusedDataError or what redis-py raises."""

        async def ask(*words: Any) -> Any:
            await connection.send_command(*words, check_health=False)
            return await connection.read_response()

        await connection.on_connect()
        try:
            await ensure_data_version(ask, self._keys)
        except ConfigError as error:
            self._refuse(error)
            raise RefusedDataError(str(error)) from error  # redis-py closes the connection

    def _refuse(self, error: ConfigError) -> None:
        if self.refusal is None:
            self.refusal = error
            log.error("data_refused", reason=str(error))
            self._on_refusal()
