"""Which texts of the log are still to be admitted. Pure."""

from collections.abc import Collection, Sequence

from shared.gate import Keyword
from shared.heard import decide_keyword
from shared.settings import Account
from workers.catching_up.log import Arrival

_SWITCHES = (Keyword.STOP, Keyword.START)


def decide_missing(arrivals: Sequence[Arrival], not_arrived: Collection[str], account: Account) -> list[Arrival]:
    """Those that never arrived, oldest first, without a STOP or START that its sender has taken back since.

    A START from before an outage must not lift the STOP that came through after it, nor the other way round.
    """
    newest: dict[str, Keyword] = {}
    missing: list[Arrival] = []
    for arrival in reversed(arrivals):
        keyword = decide_keyword(arrival.fields, account).keyword
        if arrival.sid not in not_arrived:
            if keyword in _SWITCHES:
                newest.setdefault(arrival.sender, keyword)
        elif keyword not in _SWITCHES or newest.get(arrival.sender, keyword) is keyword:
            missing.append(arrival)
    missing.reverse()
    return missing
