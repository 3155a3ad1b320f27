"""Who takes part in `python -m bench ingress`, and how much each is given."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import servers


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One way to take webhooks in, and how many it is given at saturation: about three seconds' worth."""

    key: str
    name: str
    count: int
    fsync: str | None = None
    """Redis' appendfsync; None: it keeps nothing."""
    start: Callable[[Path, str], "contextlib.AbstractContextManager[servers.Server]"]
    ours: bool = False


CONTENDERS = (
    Contender(key="a", name="bare ASGI", count=40_000, start=lambda _, __: servers.python_server("bare_asgi")),
    Contender(
        key="b", name="bare Starlette route", count=24_000, start=lambda _, __: servers.python_server("bare_starlette")
    ),
    Contender(
        key="c",
        name="hand-written handler",
        count=4_000,
        fsync="everysec",
        start=lambda _, url: servers.python_server("handwritten", redis_url=url),
    ),
    Contender(key="d", name="Agent Connect", count=8_000, start=lambda _, __: servers.agent_connect()),
    Contender(
        key="e",
        name="Textgate, everysec",
        count=20_000,
        fsync="everysec",
        start=lambda folder, url: servers.textgate_ingress(folder, redis_url=url),
        ours=True,
    ),
    Contender(
        key="f",
        name="Textgate, fsync before 200",
        count=20_000,
        fsync="always",
        start=lambda folder, url: servers.textgate_ingress(folder, redis_url=url),
        ours=True,
    ),
)

OPENCLAW = "g"
EVERYSEC_AT_IT = "e16"
AT_OPENCLAWS_LOAD = {
    OPENCLAW: ("OpenClaw, SMS plugin", servers.openclaw),
    EVERYSEC_AT_IT: ("Textgate, OpenClaw's load", servers.textgate_ingress_and_redis),
    "up": ("`textgate up`, everything", servers.textgate_up),
}
"""Measured with few texts over 16 connections, since the one stops at 300 texts a minute."""
FIXED = ("c", "d", "e", "f")
"""Who is measured at a fixed offered load."""


def names() -> dict[str, str]:
    """Contenders by key, for people."""
    named = {contender.key: contender.name for contender in CONTENDERS}
    return named | {key: name for key, (name, _) in AT_OPENCLAWS_LOAD.items()}
