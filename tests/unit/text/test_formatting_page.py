"""docs/formatting.md: our column is what the code makes now, and what the page claims beside others holds."""

import msgspec
import pytest

from bench.formatting import PAGE, RESULTS, missed, with_ours_renewed
from bench.formatting_page import page
from bench.formatting_record import Compared, Results
from workers.text.segments import count_segments

RECORDED = msgspec.json.decode(RESULTS.read_bytes(), type=Results)
NOW = with_ours_renewed(RECORDED)


def test_the_page_shows_what_the_code_makes_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(NOW), "to renew it: python -m bench.formatting --ours"
    assert NOW == RECORDED


def test_nothing_of_ours_is_lost_or_broken_and_never_dearer_where_all_of_theirs_arrives() -> None:
    assert list(missed(NOW)) == []


def test_all_in_all_ours_is_cheaper() -> None:
    assert len(NOW.replies) == 25
    assert sum(reply.textgate.segments for reply in NOW.replies) < sum(reply.openclaw.segments for reply in NOW.replies)


@pytest.mark.parametrize("reply", NOW.replies, ids=lambda reply: reply.name)
def test_segments_are_counted_as_twilios_calculator_counted(reply: Compared) -> None:
    for column, segments in reply.calculator.items():
        assert segments == sum(count_segments(text).segments for text in getattr(reply, column).texts)
