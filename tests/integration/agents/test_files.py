"""Files that an agent answers with lie below the webhook for Twilio; what cannot be sent never keeps the words back."""

import base64
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from redis.asyncio import Redis

from ingress.app import create_app
from shared.hosted_files import (
    FETCHED_TTL_MS,
    MAX_TOTAL_BYTES,
    MIN_COUNTED_BYTES,
    SAFE_MS,
    TTL_MS,
    HostedFile,
    host_file,
    split_path,
    url_of,
)
from shared.keys import Keys
from shared.outbox import PART_TTL_MS
from shared.person import erase_person
from shared.redis_client import connect
from shared.settings import Settings
from tests.integration.agents.conftest import ANN, Desk
from workers.agents.contract import File, Reply, Turn

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels " * 20
NOT_SENT = "An attachment could not be sent."
BASE = "https://gate.example.com"

answer: Any = None


def answers(_: Turn) -> Any:
    """The agent: whatever the test has laid out."""
    return answer


async def ask(desk: Desk, reply: Any, **agent: Any) -> Settings:
    """One turn of an agent that answers this."""
    globals()["answer"] = reply
    section = {"kind": "python", "callable": f"{__name__}:answers", **agent}
    desk.answer_with(section)
    await desk.text("draw")
    await desk.turn()
    return desk.load(section)


class Got(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the ingress."""

    status: int
    headers: dict[str, str]
    content: bytes


async def get(settings: Settings, redis_url: str, url: str, method: str = "GET") -> Got:
    """What Twilio gets from the ingress."""
    app = create_app(settings, connect(redis_url))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    path = unquote(urlsplit(url).path)
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    async with app.router.lifespan_context(app):
        await app({**scope, "headers": [], "client": None, "app": app}, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Got(status=sent[0]["status"], headers=headers, content=body)


@pytest.mark.parametrize(
    "media",
    [
        File(content=PNG),
        File(path="cat.png"),
        "cat.png",
        "./sub/../cat.png",
        "data:image/png;base64," + base64.b64encode(PNG).decode(),
    ],
)
async def test_a_file_is_served_below_the_webhook_as_what_it_is(
    desk: Desk, redis: Redis, redis_url: str, keys: Keys, media: File | str
) -> None:
    (desk.folder / "out" / "sub").mkdir(parents=True)
    (desk.folder / "out" / "cat.png").write_bytes(PNG)
    settings = await ask(desk, Reply(texts="A cat", media=media), mediaFolder="out")
    (reply,) = await desk.said()
    (url,) = reply.media
    assert reply.texts == ("A cat",)
    assert url.startswith(f"{BASE}/webhooks/sms/media/")
    got = await get(settings, redis_url, url)
    assert (got.status, got.content) == (200, PNG)
    assert (got.headers["content-type"], got.headers["content-length"]) == ("image/png", str(len(PNG)))
    assert (got.headers["cache-control"], got.headers["x-content-type-options"]) == ("private", "nosniff")


async def test_a_look_costs_nothing_and_a_fetch_ends_its_wait(
    desk: Desk, redis: Redis, redis_url: str, keys: Keys
) -> None:
    settings = await ask(desk, Reply(media=File(content=PNG)))
    url = (await desk.said())[0].media[0]
    key = keys.hosted(url.rpartition("/")[2])
    looked = await get(settings, redis_url, url, "HEAD")
    assert (looked.status, looked.content, looked.headers["content-length"]) == (200, b"", str(len(PNG)))
    assert FETCHED_TTL_MS < await redis.pttl(key) <= TTL_MS
    for _ in range(2):
        assert (await get(settings, redis_url, url)).status == 200
    assert 0 < await redis.pttl(key) <= FETCHED_TTL_MS
    await redis.delete(key)
    assert (await get(settings, redis_url, url)).status == 404
    assert (await get(settings, redis_url, url, "POST")).status == 405


async def test_nothing_is_found_by_guessing(desk: Desk, redis_url: str) -> None:
    settings = await ask(desk, Reply(media=File(content=PNG)))
    token = (await desk.said())[0].media[0].rpartition("/")[2]
    assert len(token) == 43
    for path in ("", token[:-1], token + "a", f"{token}/", f"../media/{token}x", "a" * 43, f"{token[:-1]}%2f"):
        assert (await get(settings, redis_url, f"/webhooks/sms/media/{path}")).status == 404, path
    assert (await get(settings, redis_url, f"/webhooks/other/media/{token}")).status == 404
    assert (await get(settings, redis_url, f"/media/{token}")).status == 404


async def test_another_accounts_path_does_not_open_it(desk: Desk, redis: Redis, redis_url: str, keys: Keys) -> None:
    settings = await ask(desk, "no file")
    file = HostedFile(account_id="another", content_type="image/png", content=PNG)
    assert await desk.call(host_file(keys=keys, token="t" * 43, file=file)) == 1
    assert (await get(settings, redis_url, f"/webhooks/sms/media/{'t' * 43}")).status == 404


@pytest.mark.parametrize(
    ("media", "why"),
    [
        ("../secret.png", "does not lie in agent.mediaFolder"),
        ("/etc/hostname", "does not lie in agent.mediaFolder"),
        ("link.png", "does not lie in agent.mediaFolder"),
        ("missing.png", "cannot be read"),
        ("pipe", "it is no file"),
        ("a\0b", "cannot be read"),
        (File(), "cannot be read"),
        (File(content=b"<html>"), "a page"),
        (File(content=b"\x7fELF\0"), "what it is cannot be told"),
        (File(content=PNG + b"x" * 5_000_000), "too large: 5 MB is the limit for image/png"),
        (File(content=b"%PDF-" + b"x" * 500_000), "too large: 0.5 MB is the limit for application/pdf"),
    ],
)
async def test_what_cannot_be_sent_is_said_and_the_words_go(desk: Desk, media: File | str, why: str) -> None:
    out = desk.folder / "out"
    out.mkdir()
    (desk.folder / "secret.png").write_bytes(PNG)
    (out / "link.png").symlink_to(desk.folder / "secret.png")
    os.mkfifo(out / "pipe")
    globals()["answer"] = Reply(texts="A cat", media=[media, "https://example.com/cat.png"])
    desk.answer_with({"kind": "python", "callable": f"{__name__}:answers", "mediaFolder": "out"})
    await desk.text("draw")
    turned = await desk.turn()
    (reply,) = await desk.said()
    assert (reply.texts, reply.media) == (("A cat", NOT_SENT), ("https://example.com/cat.png",))
    assert why in turned.facts["left_out"][0]


async def test_without_a_folder_a_path_means_nothing(desk: Desk) -> None:
    (desk.folder / "cat.png").write_bytes(PNG)
    await ask(desk, Reply(texts="A cat", media=["cat.png", File(path="cat.png")]))
    (reply,) = await desk.said()
    assert (reply.texts, reply.media) == (("A cat", NOT_SENT), ())


async def test_pictures_and_words_share_what_a_message_may_weigh(desk: Desk) -> None:
    picture = PNG + b"x" * 2_400_000
    await ask(desk, Reply(texts="Cats", media=[File(content=picture)] * 3))
    (reply,) = await desk.said()
    assert (len(reply.media), reply.texts) == (2, ("Cats", NOT_SENT))


async def test_a_redis_full_of_pictures_takes_no_more_of_them(desk: Desk, redis: Redis, keys: Keys) -> None:
    most = MAX_TOTAL_BYTES // MIN_COUNTED_BYTES
    members = {f"{number}:{MIN_COUNTED_BYTES}": 4_000_000_000_000 for number in range(most)}
    await redis.zadd(keys.hosted_index, members)
    await ask(desk, Reply(texts="A cat", media=File(content=PNG)))
    assert (await desk.said())[0].texts == ("A cat", NOT_SENT)
    await redis.zadd(keys.hosted_index, {f"0:{MIN_COUNTED_BYTES}": 1}, xx=True)
    await ask(desk, Reply(texts="A cat", media=File(content=PNG)))
    assert len((await desk.said())[-1].media) == 1, "what has expired makes room"


async def test_a_file_outlives_a_pause_and_makes_way_only_when_it_has_waited_long(
    desk: Desk, redis: Redis, keys: Keys
) -> None:
    assert TTL_MS >= PART_TTL_MS, "a part may wait as long as its state is kept"
    now_ms = time.time_ns() // 1_000_000
    big = MAX_TOTAL_BYTES // 2
    old, older, young, fetched = (letter * 43 for letter in "abcd")
    ends = {old: TTL_MS - SAFE_MS - 1, older: TTL_MS - SAFE_MS - 2, young: TTL_MS, fetched: FETCHED_TTL_MS}
    for token in (older, young):
        await redis.set(keys.hosted(token), b"x", px=TTL_MS)
        await redis.zadd(keys.hosted_index, {f"{token}:{big}": now_ms + ends[token]})
    await ask(desk, Reply(texts="A cat", media=File(content=PNG)))
    assert len((await desk.said())[-1].media) == 1
    assert not await redis.exists(keys.hosted(older)), "what has waited for more than a day makes way"
    assert await redis.exists(keys.hosted(young))

    await redis.delete(keys.hosted_index)
    await redis.zadd(keys.hosted_index, {f"{token}:{big}": now_ms + ends[token] for token in (young, fetched)})
    await redis.zadd(keys.hosted_index, {f"{old}:{MIN_COUNTED_BYTES - 1}": now_ms + ends[old]})
    await redis.set(keys.hosted(old), b"x", px=TTL_MS)
    await ask(desk, Reply(texts="A cat", media=File(content=PNG)))
    assert (await desk.said())[-1].texts == ("A cat", NOT_SENT)
    assert await redis.exists(keys.hosted(old)), "and only if that makes room enough"
    await redis.delete(keys.hosted_index)


async def test_a_file_of_a_version_that_kept_them_for_a_day_does_not_make_way(
    desk: Desk, redis: Redis, keys: Keys
) -> None:
    day_ms, hosted_ms = 24 * 3600 * 1000, time.time_ns() // 1_000_000
    before_the_upgrade = "a" * 43
    await redis.set(keys.hosted(before_the_upgrade), b"x", px=day_ms)
    await redis.zadd(keys.hosted_index, {f"{before_the_upgrade}:{MAX_TOTAL_BYTES}": hosted_ms + day_ms})
    await ask(desk, Reply(texts="A cat", media=File(content=PNG)))
    assert (await desk.said())[-1].texts == ("A cat", NOT_SENT)
    assert await redis.exists(keys.hosted(before_the_upgrade))
    await redis.delete(keys.hosted_index)


async def test_who_is_forgotten_leaves_no_file_that_waits(desk: Desk, redis: Redis, keys: Keys) -> None:
    await ask(desk, Reply(texts="A cat", media=["https://example.com/dog.png", File(content=PNG)]))
    token = (await desk.said())[0].media[1].rpartition("/")[2]
    assert await redis.exists(keys.hosted(token))
    await erase_person(redis, keys, "default", ANN)
    assert not await redis.exists(keys.hosted(token), keys.hosted_index)


async def test_the_example_of_the_docs_sends_both_pictures(desk: Desk) -> None:
    text = (Path(__file__).parents[3] / "docs/media.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    (desk.folder / "painter.py").write_text(code)
    (desk.folder / "pictures").mkdir()
    desk.answer_with({"kind": "python", "callable": "painter:reply", "mediaFolder": "pictures"})
    await desk.text("draw")
    await desk.turn()
    (reply,) = await desk.said()
    assert (reply.texts, len(reply.media)) == (("Two cats",), 2)


def test_a_webhook_path_with_a_slash_at_its_end_has_the_same_files() -> None:
    token = "t" * 43
    assert split_path(url_of("https://gate.example.com/hook/?a=1#rc=3", token).removeprefix(BASE)) == ("/hook", token)
