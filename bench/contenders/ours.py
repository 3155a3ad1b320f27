"""Textgate's engine: doorbell, one script per turn, hand-over inside the commit."""

import struct
import time
from typing import Any

from arq.worker import func

from bench.contenders.plan import KEYS, LATENCY, NEXT_STAGE, hang, noop, plan_from_argv, say_ready
from shared.keys import Stage
from shared.lanes import hand_over
from shared.queue import split_job_id
from workers.engine import EventWorker, run


async def hop(ctx: dict[str, Any]) -> None:
    """Hand the lane's records to the next stage; the last one measures."""
    list_key, turn = split_job_id(ctx["job_id"])
    stage, conversation = KEYS.lane_of_list(list_key)
    records = tuple(ctx["records"])
    target = NEXT_STAGE.get(stage)
    if target is None:
        now = time.time()
        await ctx["redis"].rpush(LATENCY, *(repr(now - struct.unpack("d", record)[0]) for record in records))
    await ctx["commit"](
        hand_over(
            source=KEYS.lane(stage, conversation),
            source_stage=stage,
            turn=turn,
            taken=len(records),
            target=KEYS.lane(target or Stage.OUTBOUND, conversation),
            target_stage=target or Stage.OUTBOUND,
            records=records if target else (),
        )
    )


def main() -> None:
    """Run until SIGTERM."""
    plan = plan_from_argv()
    hops = [func(hop, name=stage.value) for stage in Stage]
    run(
        lambda: EventWorker(
            [noop, hang, *hops],  # type: ignore[list-item]  # arq wants its own protocol
            redis_url=plan.redis_url,
            keys=KEYS,
            stage=plan.stage.value,
            peek=50,
            max_jobs=plan.max_jobs,
            lease_s=plan.lease_s,
            grace_s=0,
            on_startup=say_ready,
        )
    )


if __name__ == "__main__":
    main()
