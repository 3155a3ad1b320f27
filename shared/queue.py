"""arq's wire format with msgspec: no pickle anywhere.

A lane's job carries no data at all: its id is `<lane list>:<turn>`, and the records lie in the lane. So all jobs
of a stage share one payload shape, and a script can enqueue the next turn by itself.

`serialize` and `deserialize` go to every arq pool, worker and `Job`. Source of the shape: arq 0.28, jobs.py,
`serialize_job` (keys t, f, a, k, et).
"""

import time
from functools import lru_cache
from typing import Any

import msgspec

RELEASE = "release"
"""The function of a job that wakes a hold; its id is `<hold>:<due ms>` (`lua/lib/holds.lua`)."""

_ENCODER = msgspec.msgpack.Encoder(enc_hook=repr)  # arq stores its own exceptions as results
_DECODER = msgspec.msgpack.Decoder()


def serialize(data: dict[str, Any]) -> bytes:
    """arq's `job_serializer`."""
    return _ENCODER.encode(data)


def deserialize(data: bytes) -> dict[str, Any]:
    """arq's `job_deserializer`. Raises msgspec.DecodeError for anything but msgpack."""
    decoded: dict[str, Any] = _DECODER.decode(data)
    return decoded


def lane_payload(function: str) -> bytes:
    """The payload of a lane's job: the function of its stage (or `RELEASE`), no arguments, enqueued now."""
    return _payload_at(function, time.time_ns() // 1_000_000)


@lru_cache(maxsize=64)
def _payload_at(function: str, enqueued_ms: int) -> bytes:
    return _ENCODER.encode({"t": None, "f": function, "a": (), "k": {}, "et": enqueued_ms})


def split_job_id(job_id: str) -> tuple[str, str]:
    """The lane's list key and the turn that a lane's job id names."""
    list_key, _, turn = job_id.rpartition(":")
    return list_key, turn
