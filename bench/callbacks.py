"""What a delivery callback costs: Twilio's news about a part, a signed webhook like any other.

They are posted one by one, each alone in its round trip: more than they cost under load.
"""

import socket
from http.client import HTTPResponse
from typing import Any

import msgspec

from bench.fleet import commands, reset_commands
from bench.houses import House
from bench.webhooks import Target, callback
from shared.keys import Keys


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    commands: float
    bytes: float
    """To and from Redis."""
    aof_bytes: float
    cpu_us_ingress: float
    cpu_us_redis: float


def cost_of_callbacks(house: House, target: Target, limit: int) -> Callback:
    """Tell of up to `limit` parts that were sent that they were delivered."""
    sent = _sent(house, limit)
    reset_commands(house.redis)
    used_s, traffic, written = house.cpu_s(), house.traffic(), house.written()
    with socket.create_connection(("127.0.0.1", target.port), timeout=10) as connection:
        for sid, part_id in sent:
            connection.sendall(callback(target, sid, part_id))
            answer = HTTPResponse(connection, method="POST")
            answer.begin()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"a callback was answered {answer.status}")
    now_s, count = house.cpu_s(), len(sent)
    return Callback(
        commands=round(commands(house.redis) / count, 2),
        bytes=round((house.traffic() - traffic) / count),
        aof_bytes=round((house.written() - written) / count),
        cpu_us_ingress=round((now_s["ingress"] - used_s["ingress"]) / count * 1e6, 1),
        cpu_us_redis=round((now_s["redis"] - used_s["redis"]) / count * 1e6, 1),
    )


def _sent(house: House, limit: int) -> list[tuple[str, str]]:
    """SID and part id of parts that the stand-in has taken."""
    shape = Keys().sid("")
    found = []
    for key in house.redis.scan_iter(match=f"{shape}*", count=1000):
        part_id: Any = house.redis.get(key)
        found.append((key.decode().removeprefix(shape), part_id.decode()))
        if len(found) == limit:
            break
    return found
