"""The archive that `textgate doctor --bundle` writes: what a helper needs, and nothing that is anybody's.

No secret, no whole number, no word that was texted. Secrets are `***` from the start; whatever of them should stand
somewhere all the same is taken out of every file at the end.
"""

import io
import json
import os
import platform
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from cli.channels_words import iso, mask_numbers
from shared.dead_letters import load_letters
from shared.keys import PROBE, Keys, Stage
from shared.secrets import MASK, Secret, SecretInput
from shared.settings import Settings

PACKAGES = ("textgate", "arq", "redis", "starlette", "uvicorn", "msgspec", "twilio", "aiohttp")
SECTIONS = ("server", "clients", "memory", "persistence", "stats", "replication")
MOST_LETTERS = 1000

_NUMBER = re.compile(r"(?<![0-9A-Za-z])\+?[0-9]{7,15}(?![0-9A-Za-z])")
_URL_REST = re.compile(r"(https?://[^\s?#\"]*)[?][^\s#\"]*")


def versions() -> dict[str, str]:
    """What runs here."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: version(name) for name in PACKAGES},
    }


def redacted(value: Any) -> Any:
    """A configuration without numbers, and without the query strings of URLs, which may hold a token."""
    if isinstance(value, dict):
        return {redacted(key): redacted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [redacted(each) for each in value]
    if isinstance(value, str):
        return _NUMBER.sub("+•••", _URL_REST.sub(rf"\1?{MASK}", value))
    return value


def secrets_of(settings: Settings) -> list[str]:
    """Every secret value in the settings, wherever it stands, the longest first; none for one that is not at hand."""
    return sorted({secret.reveal() for secret in _secrets_in(settings)} - {""}, key=len, reverse=True)


def _secrets_in(value: Any) -> Iterator[Secret]:
    match value:
        case Secret():
            yield value
        case SecretInput(source=Secret() as secret):
            yield secret
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _secrets_in(getattr(value, name))
        case Mapping():
            for each in value.values():
                yield from _secrets_in(each)
        case list() | tuple() | set() | frozenset():
            for each in value:
                yield from _secrets_in(each)
        case _:
            return


async def load_state(redis: Redis, keys: Keys) -> dict[str, Any]:
    """Queues, the server's own account of itself, and the causes of dead letters. Raises RedisError."""
    letters = []
    async for kept in load_letters(redis, keys):
        letter = kept.letter
        letters.append(
            {
                "stage": letter.stage,
                "account": letter.account_id,
                "code": letter.code,
                "attempts": letter.attempts,
                "buried": iso(letter.buried_ms),
            }
        )
        if len(letters) == MOST_LETTERS:
            break
    return {
        "queues": {kind: await redis.zcard(keys.queue(kind)) for kind in (*(stage.value for stage in Stage), PROBE)},
        "lanes": await redis.zcard(keys.busy),
        "keys": await redis.dbsize(),
        "info": {section: await redis.info(section) for section in SECTIONS},
        "deadLetters": letters,
    }


def write_bundle(file: Path, documents: dict[str, Any], secrets: Iterable[str]) -> None:
    """Write the archive into a new file, for the owner's eyes only. Raises OSError, FileExistsError among them."""
    buffer = io.BytesIO()
    known = [form for secret in secrets for form in (secret, json.dumps(secret, ensure_ascii=False)[1:-1])]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in documents.items():
            text = mask_numbers(json.dumps(document, indent=2, ensure_ascii=False, default=str))
            for secret in known:
                text = text.replace(secret, MASK)
            archive.writestr(f"textgate-doctor/{name}.json", text)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(buffer.getvalue())
