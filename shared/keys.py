"""Every Redis key that Textgate touches, named once. No other module spells a key.

All of ours start with the prefix (`redis.prefix`, default `tg:`). arq hard-codes its own (`arq:job:<id>`,
`arq:in-progress:<id>`, `arq:retry:<id>`, `arq:result:<id>`, `arq:abort`): they become ours through the job
ids, which start with the prefix too. An ACL for Textgate is therefore `~tg:* ~arq:*`.

Each method's docstring gives type, lifetime, who writes and who reads. `PERMANENT` lists the shapes that carry
no TTL; a fixture fails every integration test that leaves any other key without one.
"""

import base64
import hashlib
from enum import StrEnum
from functools import lru_cache

import msgspec

SEEN_TTL_MS = 7 * 24 * 3600 * 1000
"""How long an inbound message is remembered: longer than any retry of Twilio's and any catch-up window."""

ARQ_JOB = "arq:job:"
ARQ_IN_PROGRESS = "arq:in-progress:"
ARQ_RETRY = "arq:retry:"

PERMANENT = (
    "lane:*",  # waiting work never expires; an empty list does not exist
    "queue:*",  # arq's sorted sets and their doorbells
    "busy",
    "awaiting",
    "approved:*",
    "paused:*",
    "optout:*",
    "dead",
    "dead:*",
    "held",
    "held:last",
    "hold:*",  # only while a message waits for its time; see lua/lib/holds.lua
    "part:*",  # only while dispatching; see lua/dispatch_part.lua
    "conversation:*",  # only while one of its lanes is busy; see lib/lanes.lua
    "data-version",
)
"""Shapes (after the prefix) of keys that may live without a TTL."""


class Stage(StrEnum):
    """The stages of the pipeline; each has a queue, and each conversation has one lane per stage."""

    AGENT = "agent"
    FORMAT = "format"
    OUTBOUND = "outbound"


_STAGES = {stage.value: stage for stage in Stage}
"""What calling the enum gives, in a tenth of its time."""

PROBE = "probe"
"""The queue of the probe workers. No stage: it has jobs, but no lanes."""


class LaneKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The five keys that every lane script takes, in this order. See `lua/lib/lanes.lua`."""

    list: str
    state: str
    queue: str
    bell: str
    busy: str

    def as_tuple(self) -> tuple[str, str, str, str, str]:
        return (self.list, self.state, self.queue, self.bell, self.busy)

    def beside(self) -> tuple[str, str, str]:
        """The keys of a second lane of the same conversation: the other two are the first one's."""
        return (self.list, self.queue, self.bell)


class HoldKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The three keys that every script about a hold takes, in this order. See `lua/lib/holds.lua`."""

    set: str
    index: str
    last: str

    def as_tuple(self) -> tuple[str, str, str]:
        return (self.set, self.index, self.last)

    def entry(self, member: str) -> str:
        """List: the records of one member of the hold."""
        return f"{self.set}:{member.partition(':')[0]}"


@lru_cache(maxsize=8192)
def conversation_id(account_id: str, peer: str) -> str:
    """The id of the conversation of one account with one person: 16 characters that hold no number.

    Derived, so no look-up is needed anywhere; opaque, so it may stand in logs, job ids and URLs.
    """
    digest = hashlib.blake2b(f"{account_id}\0{peer}".encode(), digest_size=10).digest()
    return base64.b32encode(digest).decode().lower()


class Keys:
    """Names of all keys under one prefix."""

    def __init__(self, prefix: str = "tg:") -> None:
        self.prefix = prefix
        self.busy = f"{prefix}busy"
        """Sorted set: list key of each lane that holds work -> ms of its last sign of life. Lane scripts
        write, the sweeper reads. Permanent."""
        self.data_version = f"{prefix}data-version"
        """String: "version writer", the format of everything below the prefix. The process that reaches Redis first
        writes, every process and command reads at its start. Permanent. See `shared/data_version.py`."""
        self.dead = f"{prefix}dead"
        """Sorted set: dead letter id -> ms of burial. Permanent until retried or dropped."""
        self.dead_expired = f"{prefix}dead:expired"
        """String: how many dead letters the retention has dropped so far. Permanent."""
        self.held = f"{prefix}held"
        """Sorted set: key of each hold -> when its first message is due, in ms. The hold scripts write, the sweeper and
        `message scheduled` read. Permanent."""
        self.awaiting = f"{prefix}awaiting"
        """Sorted set: id of each part that Twilio has and whose end no callback has told -> ms when Twilio is asked.
        `lua/settle_part.lua` writes, the outbound workers read. Permanent; a member leaves within a day or so."""
        self.sweeper = f"{prefix}sweeper"
        """String: who sweeps now; its TTL is the lease."""

        self.hosted_index = f"{prefix}hosted-index"
        """Sorted set: "token:bytes" of each hosted file -> ms of its end. `lua/host_file.lua` and the ingress write; 30
        days after the last file."""
        self._lanes = {stage: (f"{prefix}lane:{stage.value}:", self.queue(stage), self.bell(stage)) for stage in Stage}

    def queue(self, stage: str) -> str:
        """Sorted set, arq's queue: job id -> due time in ms. Permanent."""
        return f"{self.prefix}queue:{stage}"

    def bell(self, stage: str) -> str:
        """List of at most one token: wakes one worker of the stage. Permanent."""
        return f"{self.queue(stage)}:bell"

    def health(self, stage: str, worker: str) -> str:
        """String: arq's health line of one worker; expires soon after the worker is gone."""
        return f"{self.queue(stage)}:health:{worker}"

    def workers(self, stage: str) -> str:
        """Sorted set: name of each worker of ours -> ms of its last sign of life, by its own clock. Which of them live
        their health keys tell; who has been silent for a day is dropped when a worker starts. Permanent."""
        return f"{self.queue(stage)}:workers"

    def conversation(self, conversation: str) -> str:
        """Hash: stage -> number of its current or next turn; <stage>:failures, :failing_ms, :story, :last -> how often,
        since when and why that turn has failed or was put off (`lua/fail.lua`); account and peer -> whose conversation
        it is, for those who know only the id; forgotten -> lines that were dropped from its history; <stage>:window ->
        see lib/lanes.lua; working -> turn of which the person was told that it goes on; replied_ms, rally, resting_ms
        -> see lua/lib/guard.lua.
        Expires 30 days after its last lane fell idle."""
        return f"{self.prefix}conversation:{conversation}"

    def lane(self, stage: Stage, conversation: str) -> LaneKeys:
        """The lane of one conversation at one stage; its list holds msgpack records, oldest first."""
        lists, queue, bell = self._lanes[stage]
        return LaneKeys(
            list=lists + conversation, state=self.conversation(conversation), queue=queue, bell=bell, busy=self.busy
        )

    def lane_of_list(self, list_key: str) -> tuple[Stage, str]:
        """The stage and conversation that a lane's list key names; the inverse of `lane`. Raises ValueError."""
        stage, conversation = list_key.removeprefix(f"{self.prefix}lane:").split(":", 1)
        return _STAGES.get(stage) or Stage(stage), conversation

    def hold(self, stage: Stage, conversation: str) -> HoldKeys:
        """The hold of one conversation at one stage: a sorted set, `<number>:<message id>` -> due time in ms, and
        beside it a list of msgpack records per number. `held:last` is a string, the last number. All permanent until
        the last message has left."""
        return HoldKeys(
            set=f"{self.prefix}hold:{stage.value}:{conversation}", index=self.held, last=f"{self.held}:last"
        )

    def hold_of_set(self, set_key: str) -> tuple[Stage, str]:
        """The stage and conversation that a hold's key names; the inverse of `hold`. Raises ValueError."""
        stage, conversation = set_key.removeprefix(f"{self.prefix}hold:").split(":", 1)
        return Stage(stage), conversation

    def history(self, conversation: str) -> str:
        """List: msgpack `HistoryLine`s, oldest first. The agent and format stages write, the agent stage reads;
        `agent.history.hours` after the last line."""
        return f"{self.prefix}history:{conversation}"

    def seen(self, account_id: str, message_sid: str) -> str:
        """String: "verdict conversation" of one inbound message. Admission writes; 7 days."""
        return f"{self.prefix}seen:{account_id}:{message_sid}"

    def answer(self, account_id: str, message_sid: str) -> str:
        """String: id of the reply that answered one inbound message. The agent stage writes; 7 days."""
        return f"{self.prefix}answer:{account_id}:{message_sid}"

    def approved(self, account_id: str) -> str:
        """Hash: approved sender -> msgpack `Approval`. Permanent until revoked."""
        return f"{self.prefix}approved:{account_id}"

    def opted_out(self, account_id: str) -> str:
        """Hash: person -> msgpack `Change` that opted them out. `lua/lib/optout.lua` writes. Permanent until START."""
        return f"{self.prefix}optout:{account_id}"

    def opt_out_trail(self, account_id: str, person: str) -> str:
        """List: msgpack `Change`s of one person, the oldest first, 50 at most. Five years after the latest."""
        return f"{self.prefix}optout-trail:{conversation_id(account_id, person)}"

    def pairing_sender(self, conversation: str) -> str:
        """String: the code that this sender was given. One hour."""
        return f"{self.prefix}pairing:sender:{conversation}"

    def pairing_code(self, code: str) -> str:
        """String: msgpack `PairingRequest`. One hour."""
        return f"{self.prefix}pairing:code:{code}"

    def pairing_pending(self, account_id: str) -> str:
        """Sorted set: code -> ms of its end. Expires with its youngest member."""
        return f"{self.prefix}pairing:pending:{account_id}"

    def sender_rate(self, conversation: str) -> str:
        """String: texts of this sender in the current minute. One minute."""
        return f"{self.prefix}rate:sender:{conversation}"

    def sender_day(self, conversation: str) -> str:
        """String: texts of this sender in 24 hours, counted from the first. 24 hours."""
        return f"{self.prefix}rate:day:{conversation}"

    def account_rate(self, account_id: str) -> str:
        """String: texts of this account in the current minute. One minute."""
        return f"{self.prefix}rate:account:{account_id}"

    def failed_signatures(self, client: str) -> str:
        """String: failed signatures of this client address in the current minute. One minute; the number of
        such keys is bounded by the number of clients that fail within it."""
        return f"{self.prefix}rate:signatures:{client}"

    def api_rate(self, token: str) -> str:
        """String: requests of this API token in the current minute. One minute."""
        return f"{self.prefix}rate:api:{token}"

    def idempotency(self, token: str, key: str) -> str:
        """Hash: what an `Idempotency-Key` of this API token was answered, and to which body. 24 hours."""
        digest = hashlib.blake2b(f"{token}\0{key}".encode(), digest_size=16).hexdigest()
        return f"{self.prefix}idempotency:{digest}"

    def message(self, message_id: str) -> str:
        """Hash: account, conversation and created_ms of a reply that the API took in; canceled_ms of one that was
        canceled while it was held. 30 days, from its time on if it was scheduled."""
        return f"{self.prefix}message:{message_id}"

    def turn(self, turn_key: str) -> str:
        """Hash: to whom the answer to this turn goes, and whether one came by the API (see `lua/open_turn.lua`). The
        agent stage and the API write; `agent.http.answerWithinSeconds`."""
        return f"{self.prefix}turn:{turn_key}"

    def hosted(self, token: str) -> str:
        """String: msgpack `HostedFile`, which Twilio fetches under this token. The agent stage writes, the ingress
        reads; 30 days, or an hour from the first fetch on; after a day it may make way for another."""
        return f"{self.prefix}hosted:{token}"

    def pace(self, account_id: str, sender: str) -> str:
        """String: when the next segment of this sender may start, in ms. Expires when that time has passed."""
        return f"{self.prefix}pace:{account_id}:{sender}"

    def account_pace(self, account_sid: str) -> str:
        """String: when the next segment of this Twilio account may start, in ms, whatever its sender. Expires when that
        time has passed."""
        return f"{self.prefix}account-pace:{account_sid}"

    def segments_of_day(self, account_id: str, day: str) -> str:
        """String: segments that this account has sent, or is about to send, on one day. Until the day's end."""
        return f"{self.prefix}segments:{account_id}:{day}"

    def paused(self, account_id: str) -> str:
        """String: msgpack `Pause`; while it stands nothing is sent for the account. Permanent until resumed."""
        return f"{self.prefix}paused:{account_id}"

    def before_fix(self, account_id: str) -> str:
        """String: JSON `SavedFixes`, what stood at Twilio before the last repairs. 90 days."""
        return f"{self.prefix}beforefix:{account_id}"

    def caught_up(self, account_id: str) -> str:
        """String: msgpack `Cursor`, up to where Twilio's log of inbound texts was read. The probe worker writes; 30
        days from its last run."""
        return f"{self.prefix}caughtup:{account_id}"

    def probe_job(self, account_id: str) -> str:
        """Id of the one job that probes an account again and again, in the queue `PROBE`."""
        return f"{self.prefix}probe:{account_id}"

    def probe_result(self, account_id: str) -> str:
        """String: JSON `ProbeResult`, the last one. The probe worker writes; 7 days."""
        return f"{self.prefix}probed:{account_id}"

    def probe_history(self, account_id: str) -> str:
        """List: JSON `ProbeNote`, the newest first, a bounded number. The probe worker writes; 30 days."""
        return f"{self.prefix}probed:{account_id}:history"

    def probe_alarm(self, account_id: str) -> str:
        """String: JSON list of the bad codes that the last alarm named. The probe worker writes; 30 days."""
        return f"{self.prefix}probed:{account_id}:alarm"

    def once(self, reply_id: str) -> str:
        """String: this reply was appended to its lane. One hour, longer than any client sends a call again."""
        return f"{self.prefix}once:{reply_id}"

    def part(self, part_id: str) -> str:
        """Hash: state of one outbound part (see `lua/dispatch_part.lua`). 30 days, none while it is dispatching."""
        return f"{self.prefix}part:{part_id}"

    def sid(self, message_sid: str) -> str:
        """String: the part id that this Twilio message carries out. 30 days."""
        return f"{self.prefix}sid:{message_sid}"

    def dead_letter(self, letter_id: str) -> str:
        """String: msgpack `DeadLetter`. Permanent until retried or dropped."""
        return f"{self.prefix}dead:{letter_id}"

    def dead_notes(self, letter_id: str) -> str:
        """Hash beside a dead letter: `failures` and `story` of its last turn; each part id -> ms of its journal entry
        if Twilio may have it, else empty; `seen_ms`, when somebody first looked at it. `lua/bury.lua` and
        `lua/see_letters.lua` write, `lua/retry_letter.lua` and the retention read. Permanent until retried or dropped.
        """
        return f"{self.prefix}dead:{letter_id}:notes"
