"""What every peer does at each hop, and how it is fed: as little as there can be, so its queue is measured.

No policy, no order, no journal, no formatting: whatever a peer does faster, it does with none of Textgate's promises.
"""

import json
import os
import time
from collections.abc import Callable

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "")
API_BASE = os.environ.get("BENCH_API_BASE", "")
PATH = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json"


def agent(text: dict[str, str]) -> dict[str, str]:
    """Echo."""
    return {"To": text["From"], "From": text["To"], "Body": text["Body"]}


def format_reply(reply: dict[str, str]) -> dict[str, str]:
    """One part, as it is."""
    return {**reply, "Body": reply["Body"].strip()}


def text_of(index: int) -> dict[str, str]:
    """The text number `index`; its reply ends with the number."""
    return {"From": f"+1555{2_000_000 + index % 1000}", "To": "+15550100200", "Body": f"What is the weather? {index}"}


def schedule(plan: dict[str, float], enqueue: Callable[[int], None]) -> None:
    """Enqueue `count` texts from `first` on at `rate` per second (0: at once), and print when each was due."""
    first, count, rate = int(plan["first"]), int(plan["count"]), plan["rate"]
    started = time.perf_counter()
    due = {}
    for number in range(count):
        due[first + number] = started + number / rate if rate else time.perf_counter()
        pause = due[first + number] - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        enqueue(first + number)
    print(json.dumps(due))
