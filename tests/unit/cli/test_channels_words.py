"""Times, ages and masked numbers, as people read them."""

import pytest

from cli.channels_words import duration, iso, iso_or_none, mask_numbers, plural, times


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (-5, "0 s"),
        (400, "0 s"),
        (59_400, "59 s"),
        (60_000, "1 min"),
        (3_599_000, "59 min"),
        (3_600_000, "1 h"),
        (7_500_000, "2 h 5 min"),
        (4 * 86_400_000, "4 d"),
    ],
)
def test_a_duration_is_said_in_the_units_that_matter(ms: int, said: str) -> None:
    assert duration(ms) == said


def test_a_time_is_iso_8601_in_utc() -> None:
    assert iso(1_700_000_000_999) == "2023-11-14T22:13:20Z"
    assert iso_or_none(None) is None


def test_numbers_in_a_text_are_masked_and_nothing_else() -> None:
    assert mask_numbers("From +15551234567 to +4915112345678: 21606") == "From +1555•••4567 to +4915•••5678: 21606"


@pytest.mark.parametrize(("count", "said"), [(0, "no lanes"), (1, "1 lane"), (2, "2 lanes")])
def test_a_count_agrees_with_its_noun(count: int, said: str) -> None:
    assert plural(count, "lane") == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 times"), (1, "once"), (4, "4 times")])
def test_how_often_is_said_as_people_do(count: int, said: str) -> None:
    assert times(count) == said
