"""An outage of Redis is told when it begins, now and then while it lasts, and when it is over."""

import logging

from structlog.testing import capture_logs

from shared.redis_outage import TELL_EVERY_S, RedisOutage


def test_a_long_outage_is_told_again_each_half_minute() -> None:
    now = 1000.0
    outage = RedisOutage(level=logging.ERROR, clock=lambda: now)
    with capture_logs() as said:
        for _ in range(140):
            outage.away("refused", answered_503=now)
            now += TELL_EVERY_S / 60
        assert outage.lasts
        outage.back()
        outage.back()
    assert [(line["event"], line["log_level"]) for line in said] == [
        ("redis_away", "error"),
        ("redis_still_away", "error"),
        ("redis_still_away", "error"),
        ("redis_back", "warning"),
    ]
    assert [line["away_s"] for line in said[1:]] == [30.0, 60.0, 70.0]
    assert said[2]["reason"] == "refused"
    assert not outage.lasts


def test_the_next_outage_is_told_anew() -> None:
    outage = RedisOutage(clock=lambda: 0.0)
    with capture_logs() as said:
        for _ in range(2):
            outage.away("closed")
            outage.back()
    assert [line["event"] for line in said] == ["redis_away", "redis_back"] * 2
