"""Pictures and files go out with the first part; when Twilio will not take them, the words go without them, once."""

import pytest

from cli.trace_show import as_json, describe
from cli.trace_words import House, explain
from sandbox.faults import Callbacks, accept_then_drop, refuse_media
from shared.keys import Stage
from shared.outbox import Status
from shared.trace import load_ours
from shared.twilio_codes import MEDIA_CODES
from tests.integration.outbound.conftest import Post

MENU, MAP = "https://example.com/menu.png", "https://example.com/map.png"


async def test_media_go_with_the_first_part(post: Post) -> None:
    post.configure(text_chunk_limit=20)
    await post.hand_in("The menu of today, and how to find us.", media=(MENU, MAP))
    await post.drain()
    first, *rest = post.got()
    assert rest
    assert first.media_urls == (MENU, MAP)
    assert first.sid.startswith("MM")
    assert all(message.media_urls == () for message in rest)


async def test_media_go_without_words_too(post: Post) -> None:
    await post.hand_in(media=(MENU,))
    assert await post.drain() == ["sent"]
    assert [(message.body, message.media_urls) for message in post.got()] == [("", (MENU,))]


@pytest.mark.parametrize("code", [21620, 21623, 11751, 12300, 63034])
async def test_refused_media_do_not_keep_the_words_back(post: Post, code: int) -> None:
    assert code in MEDIA_CODES
    post.sandbox.state.faults.add(refuse_media(code, times=10))
    reply = await post.hand_in("The menu of today", media=(MENU,))
    assert await post.drain() == ["not_now", "sent"]
    assert [(message.body, message.media_urls) for message in post.got()] == [("The menu of today", ())]
    state = await post.state(f"{reply.reply_id}.0")
    assert (state.state, state.media_refused) == ("accepted", f"twilio-{code}")
    assert await post.letters() == []

    trace = await load_ours(post.redis, post.keys, reply.reply_id, reply.reply_id)
    assert trace is not None
    explanation = explain(trace, House(now_ms=0, workers={}, enabled={}))
    assert as_json(trace, explanation, now_ms=0)["parts"][0]["mediaRefused"] == f"twilio-{code}"
    assert any(f"without its media (twilio-{code})" in line for line in describe(trace, explanation))


async def test_refused_media_without_words_are_a_dead_letter(post: Post) -> None:
    post.sandbox.state.faults.add(refuse_media(21620))
    await post.hand_in(media=(MENU,))
    assert await post.drain() == ["dead"]
    (letter,) = await post.letters()
    assert (letter.code, "media" in letter.hint) == ("twilio-21620", True)
    assert post.got() == []


async def test_words_that_twilio_refuses_after_their_media_are_a_dead_letter(post: Post) -> None:
    """Once without media, and no further: what is refused then is refused for good."""
    post.sandbox.state.faults.add(refuse_media(21620))
    await post.hand_in("The menu of today", media=(MENU,), to="+15005550009")
    assert await post.drain("+15005550009") == ["not_now", "dead"]
    assert [letter.code for letter in await post.letters()] == ["twilio-21614"]


@pytest.mark.parametrize("words", ["The menu of today", ""])
async def test_a_message_with_media_whose_answer_got_lost_is_found_again(post: Post, words: str) -> None:
    post.sandbox.state.faults.add(accept_then_drop(callbacks=Callbacks.NONE))
    reply = await post.hand_in(*([words] if words else []), media=(MENU,))
    assert await post.turn(Stage.FORMAT) == "formatted"
    assert await post.turn(Stage.OUTBOUND) == "in_doubt"
    assert await post.turn(Stage.OUTBOUND) == "sent"
    assert post.facts["reconciled"] == "found"
    (message,) = post.got()
    state = await post.state(f"{reply.reply_id}.0")
    assert (state.sid, state.status is not Status.FAILED) == (message.sid, True)
