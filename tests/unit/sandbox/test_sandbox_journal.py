"""Events are kept in order, and who waits for one is woken by it."""

import asyncio

import pytest

from sandbox.journal import Event, EventKind, Journal


@pytest.fixture
def journal() -> Journal:
    return Journal(now=lambda: 7.0)


def is_status(event: Event) -> bool:
    return event.kind is EventKind.STATUS


def test_events_are_numbered_and_can_be_read_from_any_point(journal: Journal) -> None:
    for sid in ("SM1", "SM2", "SM3"):
        journal.add(EventKind.MESSAGE, sid=sid)
    assert [(event.seq, event.sid, event.at) for event in journal.since(1)] == [(2, "SM2", 7.0), (3, "SM3", 7.0)]
    assert (journal.first, journal.last, journal.since(3), journal.since(99)) == (1, 3, [], [])


async def test_an_event_that_is_there_is_not_waited_for(journal: Journal) -> None:
    journal.add(EventKind.STATUS, sid="SM1")
    assert [event.sid for event in await journal.wait(is_status, limit_s=0)] == ["SM1"]
    assert await journal.wait(is_status, after=1, limit_s=0) == []


async def test_a_waiting_reader_is_woken_by_the_event_that_matches(journal: Journal) -> None:
    waiting = asyncio.create_task(journal.wait(is_status, limit_s=30))
    await asyncio.sleep(0)
    journal.add(EventKind.MESSAGE, sid="SM1")
    await asyncio.sleep(0)
    assert not waiting.done()
    journal.add(EventKind.STATUS, sid="SM1")
    assert [event.kind for event in await waiting] == [EventKind.STATUS]


async def test_closing_lets_every_reader_go(journal: Journal) -> None:
    waiting = asyncio.create_task(journal.wait(is_status, limit_s=30))
    await asyncio.sleep(0)
    journal.close()
    assert await waiting == []


def test_clearing_keeps_counting(journal: Journal) -> None:
    journal.add(EventKind.MESSAGE)
    journal.clear()
    assert (journal.first, journal.since(0)) == (2, [])
    journal.add(EventKind.MESSAGE)
    assert [event.seq for event in journal.since(0)] == [2]
