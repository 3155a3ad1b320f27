"""The arithmetic of docs/scale.md, by hand."""

import msgspec
import pytest

from bench import growth
from bench.cost import Cost, cost_of
from bench.growth import measured, need
from bench.kept import Kind, byte_days
from tests.unit.bench.made_up import reports

TEXT = growth.Measured(
    cpu_us={"ingress": 200, "agent": 100, "format": 100, "outbound": 350, "redis": 250},
    commands=100,
    bytes=5000,
    aof_bytes=6000,
    conversation_bytes=300,
    kept_byte_days=9700,
)


def test_what_a_text_costs_is_taken_from_the_reports_with_two_callbacks() -> None:
    assert measured(reports()) == msgspec.structs.replace(
        TEXT,
        cpu_us={"ingress": 500, "agent": 100, "format": 100, "outbound": 350, "redis": 300},
        commands=120,
        bytes=6000,
        aof_bytes=6500,
    )


def test_a_volume_takes_what_its_texts_take() -> None:
    """8,640,000 a day are 100 a second, 500 at the peak; 250 µs of Redis each are 0.125 cores, 0.25 half busy."""
    found = need(8_640_000, TEXT)
    assert (found.mean_per_s, found.peak_per_s, found.segments_per_s) == (100, 500, 1000)
    assert (found.commands_per_s, found.redis_mb_per_s) == (50_000, 2.5)
    assert found.cores["redis"] == pytest.approx(0.25)
    assert found.all_cores == pytest.approx(1.0)
    assert found.memory_gb == pytest.approx(8.64 * (300 + 9700) / 1000)  # 86.4 GB: two servers of 48
    assert found.aof_gb_a_day == pytest.approx(51.84)
    assert (found.redis, found.long_codes, found.short_codes, found.campaigns, found.accounts) == (2, 1000, 10, 5, 1)


def test_it_is_linear() -> None:
    small, large = need(10**6, TEXT), need(10**9, TEXT)
    assert large.commands_per_s == pytest.approx(1000 * small.commands_per_s)
    assert large.all_cores == pytest.approx(1000 * small.all_cores)


def test_a_house_needs_one_redis_and_one_account_however_small() -> None:
    assert (need(1, TEXT).redis, need(1, TEXT).accounts) == (1, 1)


def test_nothing_is_reckoned_before_pipeline_and_scale_were_measured() -> None:
    assert measured({"pipeline": reports()["pipeline"]}) is None


def test_a_ceiling_is_said_in_texts_and_beside_twilios() -> None:
    said = growth.ceiling(TEXT)
    assert "carries 2,000 texts a second: 35,000,000 a day" in said
    assert "50% of" in said


def test_what_is_kept_of_a_text_adds_up() -> None:
    kinds = {"part": Kind(keys=1, bytes=300, days=30), "seen": Kind(keys=1, bytes=100, days=7)}
    assert byte_days(kinds) == 9700


def test_waiting_and_the_look_itself_cost_nothing() -> None:
    calls = {"evalsha": 11, "hget": 100, "blpop": 3, "zcard": 2, "config|resetstat": 1}
    stats = {f"cmdstat_{name}": {"calls": number} for name, number in calls.items()}
    found = cost_of({**stats, "total_reads_processed": 14})
    assert found == Cost(commands=111, round_trips=8, scripts=11)
    assert min(Cost(commands=2, round_trips=1, scripts=1), Cost(commands=1, round_trips=9, scripts=9)).commands == 1
