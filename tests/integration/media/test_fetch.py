"""Attachments are fetched as Twilio serves them, and what is wrong with one is no harm to the others."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, DEFAULT_NUMBER, default_config
from sandbox.faults import Answer, Fault, Operation, redirect_media, trickle_media
from sandbox.inbound import receive
from sandbox.journal import EventKind
from sandbox.message import Media as Sent, new_sid
from sandbox.server import RunningSandbox, serve
from sandbox.webhooks import inbound_form
from shared.keys import conversation_id
from shared.records import InboundText, Media
from shared.secrets import Secret
from shared.settings import Account
from workers.agents.contract import Attachment
from workers.media.folder import media_root
from workers.media.inbound import TOTAL, Total, fetched

ANN = "+12025550111"
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels " * 200
PAGE = b"<!doctype html><script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with serve(default_config()) as running:
        yield running


@pytest.fixture
def account() -> Account:
    return Account(
        id="default", account_sid=DEFAULT_ACCOUNT_SID, auth_token=Secret(DEFAULT_AUTH_TOKEN), media_max_mb=0.01
    )


def text_with(sandbox: RunningSandbox, *contents: bytes, declared: str = "image/png") -> InboundText:
    """A phone sends these; the text as the webhook's form has it."""
    number = sandbox.state.directory.number(DEFAULT_ACCOUNT_SID, DEFAULT_NUMBER)
    assert number is not None
    media = tuple(Sent(sid=new_sid("ME"), content_type=declared, content=each) for each in contents)
    message = receive(sandbox.state, number, from_=ANN, body="look", media=media)
    form = dict(inbound_form(message))
    return InboundText(
        message_sid=message.sid,
        account_id="default",
        conversation=conversation_id("default", ANN),
        sender=ANN,
        recipient=DEFAULT_NUMBER,
        body="look",
        received_ms=1,
        media=tuple(
            Media(url=form[f"MediaUrl{i}"], content_type=form[f"MediaContentType{i}"]) for i in range(len(contents))
        ),
    )


def read_bytes(path: str | None) -> bytes:
    return Path(path).read_bytes() if path else b""


async def fetch(
    sandbox: RunningSandbox, account: Account, *texts: InboundText, total: Total = TOTAL
) -> list[tuple[Attachment, bytes]]:
    """What an agent would get, and what it would read."""
    async with fetched(texts, account, api_base=sandbox.base_url, total=total) as attachments:
        found = [each for text in texts for each in attachments[text.message_sid]]
        read = [(each, read_bytes(each.path)) for each in found]
    assert list(media_root().iterdir()) == [], "files outlive their turn"
    return read


async def error_of(sandbox: RunningSandbox, account: Account, text: InboundText, *, total: Total = TOTAL) -> str:
    ((attachment, _),) = await fetch(sandbox, account, text, total=total)
    assert attachment.path is None
    return attachment.error or ""


async def test_a_picture_comes_over_one_redirect_under_a_name_of_ours(
    sandbox: RunningSandbox, account: Account
) -> None:
    text = text_with(sandbox, PNG, b"GIF89a...")
    (picture, content), (other, _) = await fetch(sandbox, account, text)
    assert (content, picture.content_type, picture.size_bytes, picture.error) == (PNG, "image/png", len(PNG), None)
    assert Path(picture.path or "").name == f"{text.message_sid}-0.png"
    assert (other.content_type, Path(other.path or "").suffix) == ("image/gif", ".gif")


async def test_credentials_stay_with_twilios_api(sandbox: RunningSandbox, account: Account) -> None:
    """The content network of the sandbox refuses a request that brings some."""
    await fetch(sandbox, account, text_with(sandbox, PNG))
    wrong = msgspec.structs.replace(account, auth_token=Secret("another"))
    assert await error_of(sandbox, wrong, text_with(sandbox, PNG)) == "Twilio answered HTTP 401"
    none = msgspec.structs.replace(account, auth_token=None)
    assert "no credentials" in await error_of(sandbox, none, text_with(sandbox, PNG))


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/a",
        "https://localhost/a",
        "http://169.254.169.254/latest/meta-data",
        "https://mms.twiliocdn.com@127.0.0.1/a",
        "https://evil.example/a",
        "file:///etc/passwd",
        "/sandbox",
    ],
)
async def test_no_redirect_leads_elsewhere(sandbox: RunningSandbox, account: Account, location: str) -> None:
    sandbox.state.faults.add(redirect_media(location))
    assert "Twilio redirects" in await error_of(sandbox, account, text_with(sandbox, PNG))


async def test_a_second_redirect_is_not_followed(sandbox: RunningSandbox, account: Account) -> None:
    sandbox.state.faults.add(redirect_media("https://mms.twiliocdn.com/a", operation=Operation.MEDIA_CONTENT))
    assert await error_of(sandbox, account, text_with(sandbox, PNG)) == "Twilio redirects more than once"


async def test_an_address_of_another_message_or_account_is_not_asked(sandbox: RunningSandbox, account: Account) -> None:
    theirs, ours = text_with(sandbox, PNG), text_with(sandbox, PNG)
    stolen = msgspec.structs.replace(ours, media=theirs.media)
    assert await error_of(sandbox, account, stolen) == "its address is that of another message"
    other = msgspec.structs.replace(account, account_sid="AC" + "9" * 32)
    assert await error_of(sandbox, other, ours) == "its address is that of another account"
    assert not [event for event in sandbox.state.journal.since(0) if event.kind is EventKind.REFUSED]


async def test_what_is_declared_too_large_is_not_read(sandbox: RunningSandbox, account: Account) -> None:
    large, small = text_with(sandbox, PNG + b"x" * 10_000), text_with(sandbox, PNG)
    (first, _), (second, content) = await fetch(sandbox, account, large, small)
    assert (first.path, first.error) == (None, "it is larger than 0.01 MB")
    assert (second.error, content) == (None, PNG)


async def test_what_hides_its_length_is_cut_off(sandbox: RunningSandbox, account: Account) -> None:
    sandbox.state.faults.add(trickle_media(0))
    assert await error_of(sandbox, account, text_with(sandbox, PNG + b"x" * 10_000)) == "it is larger than 0.01 MB"


async def test_all_files_of_a_turn_share_a_bound(sandbox: RunningSandbox, account: Account) -> None:
    found = await fetch(sandbox, account, text_with(sandbox, PNG, PNG), total=Total(size_bytes=len(PNG) + 10))
    assert sorted(attachment.error or "" for attachment, _ in found) == [
        "",
        "the files of this turn are too large together",
    ]


async def test_one_that_comes_byte_by_byte_ends_with_the_time_of_all(sandbox: RunningSandbox, account: Account) -> None:
    sandbox.state.faults.add(trickle_media(0.05))
    assert await error_of(sandbox, account, text_with(sandbox, PNG), total=Total(time_s=0.5)) == "it took too long"


@pytest.mark.parametrize("declared", ["image/png", "text/html", "application/octet-stream"])
async def test_a_page_is_no_picture_whatever_it_is_called(
    sandbox: RunningSandbox, account: Account, declared: str
) -> None:
    assert "a page" in await error_of(sandbox, account, text_with(sandbox, PAGE, declared=declared))


async def test_the_eleventh_is_not_fetched(sandbox: RunningSandbox, account: Account) -> None:
    assert len(await fetch(sandbox, account, text_with(sandbox, *[PNG] * 11))) == 10


async def test_a_passing_failure_is_tried_once_more(sandbox: RunningSandbox, account: Account) -> None:
    broken = Fault(operation=Operation.MEDIA, answer=Answer.ERROR, status=503)
    sandbox.state.faults.add(broken)
    ((attachment, content),) = await fetch(sandbox, account, text_with(sandbox, PNG))
    assert (attachment.error, content) == (None, PNG)
    sandbox.state.faults.add(Fault(operation=Operation.MEDIA_CONTENT, answer=Answer.DROP, times=9))
    assert await error_of(sandbox, account, text_with(sandbox, PNG)) == "the connection to Twilio failed"


async def test_a_network_that_is_not_public_is_not_asked(
    sandbox: RunningSandbox, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an API base the name is resolved, and an answer that points inside is refused."""

    async def inside(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("127.0.0.1", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", inside)
    text = text_with(sandbox, PNG)
    async with fetched([text], account, api_base=None) as attachments:
        assert [each.error for each in attachments[text.message_sid]] == [
            "its host leads to an address that is not public"
        ]
