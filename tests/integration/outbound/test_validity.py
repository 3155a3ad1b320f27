"""A text that is of no use later tells Twilio how long it may wait in its queue."""

import pytest

from tests.integration.outbound.conftest import Post


@pytest.mark.parametrize(
    ("account_s", "message_s", "posted_s"),
    [(None, None, None), (600, None, 600), (None, 300, 300), (600, 300, 300), (300, 36_000, 36_000)],
)
async def test_the_message_goes_before_the_account(
    post: Post, account_s: int | None, message_s: int | None, posted_s: int | None
) -> None:
    post.configure(validity_s=account_s, text_chunk_limit=20)
    await post.hand_in("Your code: 4711. It is of no use tomorrow.", validity_s=message_s)
    assert set(await post.drain()) == {"sent"}
    assert {message.validity_period_s for message in post.got()} == {posted_s}
    assert len(post.got()) > 1
