"""How connections to Redis are made."""

import socket

import pytest

from shared.redis_client import connect, connect_blocking


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="this system's keep-alive has no options")
async def test_a_silent_connection_is_asked_whether_it_lives_within_a_minute() -> None:
    """Else the first text after a quiet hour finds a dead connection, and is told 503 when its time is up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = connect(f"redis://127.0.0.1:{server.getsockname()[1]}")
        connection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        await connection._connect()
        made = connection._writer.get_extra_info("socket")
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
        await connection.disconnect()
    blocking = connect_blocking("redis://127.0.0.1", limit_s=5)
    assert blocking.connection_pool.connection_kwargs["socket_keepalive_options"]
