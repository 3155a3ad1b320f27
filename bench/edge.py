"""What reached the stand-in for Twilio, and when: `bench/contenders/stand_in.py` keeps it, this asks for it."""

import json
import time
import urllib.request

DRAIN_LIMIT_S = 90.0


class NotArrivedError(SystemExit):
    """Some texts did not come in time."""


class Edge:
    """The stand-in for Twilio: what arrived, and when."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.doubled = 0

    def wait_for(self, count: int) -> dict[int, float]:
        """When each text first arrived. Raises NotArrivedError if some do not come; counts those that come again."""
        arrived: dict[int, float] = {}
        deadline = time.monotonic() + DRAIN_LIMIT_S
        while len(arrived) < count:
            if time.monotonic() > deadline:
                raise NotArrivedError(f"only {len(arrived)} of {count} texts arrived")
            time.sleep(0.02)
            with urllib.request.urlopen(f"{self.url}/arrivals", timeout=10) as answer:  # noqa: S310 - loopback
                for number, times in json.load(answer).items():
                    self.doubled += len(times) - 1 + (int(number) in arrived)
                    arrived.setdefault(int(number), times[0])
        return arrived
