"""Whatever was said, and whatever the bounds: what is stored and what is handed over keeps to them, the newest last."""

import msgspec
from hypothesis import given, strategies as st

from shared.history import ALL, History
from shared.records import HistoryLine
from shared.settings import AgentKind, AgentSection
from shared.settings_conversation import HistorySection
from workers.memory import HOUR_MS, recall, remember

NOW_MS = 1_800_000_000_000

lines = st.lists(
    st.builds(
        HistoryLine,
        role=st.sampled_from(["user", "assistant"]),
        body=st.text(max_size=150),
        at_ms=st.integers(NOW_MS - 5 * HOUR_MS, NOW_MS),
    ),
    max_size=12,
).map(lambda found: tuple(sorted(found, key=lambda line: line.at_ms)))
sections = st.builds(
    HistorySection, messages=st.integers(1, 8), characters=st.integers(100, 400), hours=st.floats(0.5, 6)
)


@given(old=lines, said=lines, bounds=sections, idle_reset_min=st.sampled_from([0, 30, 120]))
def test_the_bounds_hold_for_what_is_handed_over_and_for_what_is_stored(
    old: tuple[HistoryLine, ...], said: tuple[HistoryLine, ...], bounds: HistorySection, idle_reset_min: int
) -> None:
    agent = AgentSection(kind=AgentKind.PYTHON, history=bounds, idle_reset_min=idle_reset_min)
    recalled = recall(History(lines=old), agent, NOW_MS)
    assert recalled.lines == old[len(old) - len(recalled.lines) :], "the newest ones"
    assert recalled.lines == () or recalled.drop + len(recalled.lines) == len(old)
    check(recalled.lines, bounds)

    memory = remember(recalled, said, agent, key="k", now_ms=NOW_MS)
    stored = (() if memory.drop == ALL else old[memory.drop :]) + memory.lines
    check(stored, bounds)
    gone = 0 if memory.drop == ALL else len(old)
    assert memory.lost == gone + len(said) - len(stored)
    cut = [msgspec.structs.replace(line, body=line.body[: bounds.characters]) for line in said]
    everything = (*recalled.lines, *cut)
    assert stored == everything[len(everything) - len(stored) :]


def check(found: tuple[HistoryLine, ...], bounds: HistorySection) -> None:
    assert len(found) <= bounds.messages
    assert sum(len(line.body) for line in found) <= bounds.characters
    assert all(line.at_ms >= NOW_MS - bounds.hours * HOUR_MS for line in found)
