"""Every metric that Textgate has, each defined once: its name, what it means, its labels. Counted elsewhere, by name.

Names by Prometheus' conventions: base units, `_total` for what only grows. No label holds a phone number, and the
values of each are bounded: accounts and codes by `metric_kinds.py`, the rest because they come from enums.
`docs/metrics.md` is made from this module. What is counted is lost with its process; what is watched is Redis' state,
the same whichever process is asked.

Source of the conventions: Prometheus, "Metric and label naming".
"""

from shared.metric_kinds import OTHER, Count, Kind, Spread, Watched
from shared.twilio_codes import CODES

_FAST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_WORK_S = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_WAY_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600)

# The ingress.
WEBHOOKS = Count(
    "textgate_webhooks_total",
    "Requests of Twilio's that were answered, by HTTP status: texts and delivery callbacks. 503: Redis could not "
    "confirm, Twilio has to try again. 500: a bug.",
    ("account", "status"),
)
WEBHOOK_S = Spread(
    "textgate_webhook_duration_seconds",
    "From a webhook's headers to its answer; Twilio waits 15 s at most.",
    buckets=_FAST_S,
)
TEXTS = Count(
    "textgate_texts_total",
    "Inbound texts with a good signature, by what admission decided. Only `accepted` reaches the agent.",
    ("account", "verdict"),
)
DELIVERIES = Count(
    "textgate_deliveries_total",
    "News about parts that were sent, by Twilio's state; repetitions and late news do not count.",
    ("account", "state"),
)
DELIVERED_S = Spread(
    "textgate_webhook_to_delivered_seconds",
    "From the webhook of a text until Twilio reported the first part of the answer as delivered.",
    buckets=_WAY_S,
)

# The workers.
ATTEMPTS = Count(
    "textgate_attempts_total",
    "Turns that a stage has worked on, by how they ended. `answered`, `silent`, `formatted` and `sent` are done; "
    "`dead` became a dead letter; the others come again or were somebody else's.",
    ("stage", "outcome"),
)
ATTEMPT_S = Spread(
    "textgate_attempt_duration_seconds",
    "How long a stage worked on one turn: `agent` asks the agent, `format` makes parts, `outbound` sends one. Turns "
    "that were only put off do not count.",
    ("stage",),
    buckets=_WORK_S,
)
RETRIES = Count("textgate_retries_total", "Turns that failed and will be tried again.", ("stage",))
BURIED = Count(
    "textgate_dead_letters_buried_total",
    "Turns that were given up and kept as dead letters, by cause. `opted-out` and `twilio-21610` are people's right.",
    ("stage", "code"),
)
PARTS_SENT = Count("textgate_parts_sent_total", "Parts (SMS) that Twilio has taken.", ("account",))
SEGMENTS_SENT = Count(
    "textgate_segments_sent_total", "Segments of the parts that Twilio has taken: what it bills.", ("account",)
)
ACCEPTED_S = Spread(
    "textgate_webhook_to_accepted_seconds",
    "From the webhook of a text until Twilio took the first part of the answer.",
    buckets=_WAY_S,
)
TWILIO_ERRORS = Count(
    "textgate_twilio_errors_total",
    "Errors of Twilio's by code, from answers to requests and from delivery callbacks. Besides the codes of "
    "docs/troubleshooting.md: `unreachable`, `no-answer`, `4xx` and `5xx` for answers without a known code, `other`.",
    ("source", "code"),
)
LEASES_LOST = Count(
    "textgate_leases_lost_total",
    "Turns that this worker was too slow to keep: another one has them now. Nothing is done twice, but a worker is "
    "stuck or starved.",
)

# Redis, as this process sees it.
GROUP_CALLS = Spread(
    "textgate_group_commit_calls",
    "Script calls that travelled together in one round trip.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
REDIS_S = Spread(
    "textgate_redis_round_trip_seconds",
    "One batch of commands and its replies, with the wait for the disk or the replicas where `redis.durability` asks "
    "for it.",
    buckets=_FAST_S,
)
REDIS_FAILURES = Count(
    "textgate_redis_failures_total",
    "Batches of commands that got no reply, after a second try: Redis is away or hangs.",
)

# The state that all processes share, looked up at each scrape.
BUILD = Watched("textgate_build_info", "Always 1; which version runs here, as what.", ("version", "python", "role"))
REDIS_UP = Watched(
    "textgate_redis_up", "1 if Redis answered this scrape; if not, all that is looked up there is missing."
)
QUEUE_JOBS = Watched(
    "textgate_queue_jobs",
    "Turns in a stage's queue: `due` waits for a free worker, `later` is in work or put off.",
    ("stage", "state"),
)
QUEUE_AGE_S = Watched(
    "textgate_queue_oldest_age_seconds",
    "How long the oldest due turn of a stage has been waiting for a free worker; 0 if none is due.",
    ("stage",),
)
BUSY_LANES = Watched("textgate_busy_lanes", "Conversations with work, counted once per stage.")
WORKERS = Watched("textgate_workers", "Living worker processes; those of a stock arq do not count.", ("stage",))
DEAD_WAITING = Watched("textgate_dead_letters_waiting", "Dead letters that nobody has retried or dropped yet.")
PAUSED = Watched(
    "textgate_account_paused", "1 while nothing is sent for the account, until somebody resumes it.", ("account",)
)
OPTED_OUT = Watched("textgate_opted_out_people", "People who texted STOP to the account.", ("account",))
PROBE_VERDICT = Watched(
    "textgate_probe_verdict",
    "1 for what the last probe of the account found: `good`, `bad` or `unknown`. Missing until one was stored.",
    ("account", "verdict"),
)
PROBE_AGE_S = Watched("textgate_probe_age_seconds", "How long ago the account was probed.", ("account",))

ALL: tuple[Kind, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
"""In the order of this module."""


def code_of_answer(status: int, code: int | None) -> str:
    """The `code` of an answer of Twilio's: one of the table, else the class of its HTTP status."""
    return str(code) if code in CODES else f"{status // 100}xx" if 400 <= status < 600 else OTHER


def code_of_callback(code: int) -> str:
    """The `code` of a delivery callback: one of the table, else `other`."""
    return str(code) if code in CODES else OTHER
