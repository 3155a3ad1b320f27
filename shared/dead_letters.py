"""Dead letters: work that was given up, kept whole with its cause.

Redis keys: dead, dead:<id>, the lane it came from, the format lane for the apology, the parts that are dead now.
"""

from shared.keys import Keys, Stage
from shared.queue import lane_payload
from shared.records import DeadLetter, Reply, encode
from shared.scripts import Call, script


def bury(
    *, keys: Keys, stage: Stage, letter: DeadLetter, apology: Reply | None = None, part_ids: tuple[str, ...] = ()
) -> Call:
    """Take the letter's records from the head of their lane and keep them as a dead letter.

    The reply is 1, or 0 if the letter's turn is no longer current (nothing was done).
    """
    return Call(
        script("bury"),
        (
            *keys.lane(stage, letter.conversation).as_tuple(),
            keys.dead,
            keys.dead_letter(letter.letter_id),
            *keys.lane(Stage.FORMAT, letter.conversation).as_tuple(),
            *(keys.part(part_id) for part_id in part_ids),
        ),
        (
            stage.value,
            lane_payload(stage.value),
            Stage.FORMAT.value,
            lane_payload(Stage.FORMAT.value),
            letter.turn,
            len(letter.records),
            letter.letter_id,
            encode(letter),
            encode(apology) if apology is not None else b"",
        ),
    )
