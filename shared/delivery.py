"""What Twilio tells of a part after it has taken it: delivered, or not and why. The step: `lua/record_status.lua`.

Redis keys: part, sid, awaiting, paused, optout, optout-trail.
"""

from typing import Any

import msgspec

from shared.aftermath import NOTHING, Aftermath
from shared.keys import Keys
from shared.outbox import FINAL_RANK, PART_TTL_MS, RANK, Status
from shared.records import encode
from shared.scripts import Call, script


def record_status(
    *,
    keys: Keys,
    part_id: str,
    sid: str,
    status: Status,
    error_code: str = "",
    carrier_time: str = "",
    account_id: str = "",
    aftermath: Aftermath = NOTHING,
) -> Call:
    """A delivery callback; `recorded_of` reads the reply.

    `account_id`: whose webhook it came by; it speaks of no other account's parts, and its `aftermath` strikes this one.
    """
    change = aftermath.opt_out
    person = change.person if change else ""
    facts = (part_id, sid, status.value, RANK[status], error_code, PART_TTL_MS, FINAL_RANK, carrier_time, account_id)
    return Call(
        script("record_status"),
        (
            *(keys.part(part_id), keys.sid(sid), keys.awaiting),
            *(keys.paused(account_id), keys.opted_out(account_id), keys.opt_out_trail(account_id, person)),
        ),
        (
            *facts,
            encode(aftermath.pause) if aftermath.pause else "",
            *((person, encode(change)) if change else ("", "")),
        ),
    )


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a delivery callback: `recorded`, `stale`, `contradiction` or `unknown`."""

    outcome: str
    received_ms: int | None = None
    """When the text was received that this part answers; only if recorded."""
    paused: bool = False
    """Its aftermath paused the account, which was not paused before; or did so when this very call was sent first."""
    opted_out: bool = False
    """Its aftermath opted the person out, who was not so before."""


def recorded_of(reply: list[Any]) -> Recorded:
    """The reply to `record_status`."""
    outcome, received_ms, paused, opted_out = reply
    return Recorded(
        outcome=outcome.decode(),
        received_ms=int(received_ms) if received_ms else None,
        paused=bool(paused),
        opted_out=bool(opted_out),
    )
