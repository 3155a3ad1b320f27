"""One claimed turn of a lane, as the stages see it, and what all turns of a process share."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from redis.asyncio import Redis

from shared.deadlines import Limits
from shared.errors import NotNow
from shared.keys import Keys, LaneKeys, Stage
from shared.records import Reply
from shared.scripts import Call
from shared.settings import Account, Settings
from workers.agents.directory import AgentDirectory
from workers.messages_api import MessagesApi

Send = Callable[[Call], Awaitable[Any]]
"""Sends one script and gives its reply."""

ABSENT_ACCOUNT_WAIT_S = 60.0
"""How often work of a removed or disabled account looks whether the account is back."""


class Environment(msgspec.Struct, kw_only=True):
    """What every turn of one worker process shares; `settings` and `agents` change when the configuration does."""

    settings: Settings
    keys: Keys
    redis: Redis
    agents: AgentDirectory | None = None
    """In the agent stage only."""
    suspect: str | None = None
    """The conversation whose turn runs apart now, because its workers died; see `workers/boundary.py`."""
    twilio: MessagesApi | None = None
    """In the outbound stage only."""
    limits: Limits = msgspec.field(default_factory=Limits)
    """For what a turn waits for; see `shared/deadlines.py`."""

    def account(self, account_id: str) -> Account:
        """The account. Raises NotNow while it is removed or disabled: its work is kept, not sent."""
        account = self.settings.accounts.get(account_id)
        if account is None or not account.enabled:
            raise NotNow(f"account {account_id} is removed or disabled", delay_s=ABSENT_ACCOUNT_WAIT_S, forgives=True)
        return account


class Work(msgspec.Struct, kw_only=True):
    """One turn: `records` are the oldest of the lane, at least one."""

    stage: Stage
    conversation: str
    turn: str
    lane: LaneKeys
    records: list[bytes]
    attempt: int
    call: Send
    """Send one script; travels with whatever else is under way."""
    commit: Send
    """Send the last script of this turn, the one that advances the lane."""
    outcome: str = "done"
    """One word for the log."""
    facts: dict[str, Any] = {}
    """More for the log."""


class Burial(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with a turn that is given up."""

    account_id: str
    records: list[bytes]
    """The oldest of the lane, as many as are taken out."""
    apology: Reply | None = None
    part_ids: tuple[str, ...] = ()
    """Parts that are dead now."""


class StageSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the pipeline."""

    stage: Stage
    process: Callable[[Work, Environment], Awaitable[None]]
    """Does the turn and commits it. Raises what `workers/boundary.py` lists."""
    bury: Callable[[Work, Environment], Awaitable[Burial]]
    """Decides what goes with a turn that is given up."""
    take: int
    """Records that one turn takes at most."""
