"""Typed calls on lanes. What a lane is and why it cannot lose its order: `lua/lib/lanes.lua`."""

from shared.history import Memory
from shared.keys import SEEN_TTL_MS, LaneKeys, Stage
from shared.queue import lane_payload
from shared.scripts import Call, script
from shared.setbacks import MOST_KEPT, Setback, encode_setback


def append(*, lane: LaneKeys, stage: Stage, records: tuple[bytes, ...], once: str | None = None) -> Call:
    """Put records at the end of a lane; the reply is the lane's length. At least one record.

    With `once`, a key that marks it as done, the call may be sent twice: the second time changes nothing and gives 0.
    """
    return Call(
        script("append"), (*lane.as_tuple(), *((once,) if once else ())), (stage.value, lane_payload(stage), *records)
    )


def hand_over(
    *,
    source: LaneKeys,
    source_stage: Stage,
    turn: str,
    taken: int,
    target: LaneKeys,
    target_stage: Stage,
    records: tuple[bytes, ...],
    note_keys: tuple[str, ...] = (),
    note: str = "",
    memory: Memory | None = None,
    replied: bool = False,
) -> Call:
    """Drop the `taken` oldest records of `source` and append `records` to `target`, if `turn` is still current.

    Both lanes are of one conversation.

    `note` is written under each of `note_keys`, for as long as an inbound message is remembered; `memory` is what
    becomes of the history; `replied` notes the moment, for the guard against loops. The reply is 1, or 0 when another
    worker has committed this turn already (nothing was done).
    """
    return Call(
        script("hand_over"),
        (*source.as_tuple(), *target.beside(), *((memory.key,) if memory else ()), *note_keys),
        (
            source_stage.value,
            lane_payload(source_stage),
            target_stage.value,
            lane_payload(target_stage),
            turn,
            taken,
            note,
            SEEN_TTL_MS,
            int(replied),
            len(records),
            *records,
            *(memory.words() if memory else ()),
        ),
    )


def fail(*, lane: LaneKeys, stage: Stage, turn: str, setback: Setback) -> Call:
    """Count one failure of a turn and keep why; the reply is `[how often it has failed now, ms since the first time]`,
    both 0 if it is no longer current."""
    return Call(script("fail"), (lane.state,), (stage.value, turn, encode_setback(setback), MOST_KEPT))


def sweep(*, lane: LaneKeys, stage: Stage) -> Call:
    """Enqueue the lane's job if it has work but no job; the reply is 1 if it had to."""
    return Call(script("sweep"), lane.as_tuple(), (stage.value, lane_payload(stage)))
