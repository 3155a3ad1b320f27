"""The outbound stage under a cap of the day: what is more stays whole and in order, and no attempt is counted."""

from shared.keys import Stage
from shared.records import Origin
from tests.integration.outbound.conftest import ANN, BOB, Post


async def test_what_the_cap_holds_goes_out_in_order_once_it_is_raised(post: Post) -> None:
    post.configure(daily_segment_cap=2)
    for word in ("one", "two", "three"):
        await post.hand_in(word)
        await post.turn(Stage.FORMAT)
    assert [await post.turn(Stage.OUTBOUND) for _ in range(4)] == ["sent", "sent", "not_now", "not_now"]
    assert 0 < post.facts["again_in_s"] <= 900
    assert "failures" not in post.facts
    assert await post.letters() == []

    await post.hand_in("hello", to=BOB)
    await post.turn(Stage.FORMAT, BOB)
    assert await post.turn(Stage.OUTBOUND, BOB) == "not_now", "it is the account's day, not the person's"

    post.configure(daily_segment_cap=10)
    assert await post.turn(Stage.OUTBOUND) == "sent"
    assert await post.turn(Stage.OUTBOUND, BOB) == "sent"
    assert [message.body for message in post.got(ANN)] == ["one", "two", "three"]


async def test_the_confirmation_of_a_stop_is_not_held(post: Post) -> None:
    post.configure(daily_segment_cap=1)
    await post.hand_in("one")
    await post.hand_in("You will get no more texts.", origin=Origin.OPT_OUT)
    assert await post.drain() == ["sent", "sent"]
