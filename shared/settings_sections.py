"""The configuration file, section by section: every key, its type, its default and what it means, once.

The keys of a phone number are in `shared/settings_channels.py`, those of `agent` in `shared/settings_agent.py`, and
those of `secrets` in `shared/config_secrets.py`.

`docs/configuration.md`, the JSON Schema and the error messages are made from these Structs. Keys are the camel-case
form of the attribute unless a field names its own. A description says the unit, and what a special value does.
"""

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.secrets import SecretInput
from shared.settings_section import Count, Port, Section, Text


class Durability(enum.StrEnum):
    """What a write must have survived before it counts as done."""

    MEMORY = "memory"
    EVERYSEC = "everysec"
    ALWAYS = "always"


class RedisSection(Section, frozen=True):
    """Where everything is kept."""

    url: Annotated[
        SecretInput | None,
        Meta(
            description=(
                "`redis://`, `rediss://`, `unix://` or `redis+sentinel://`; text or SecretRef, since it may hold a "
                "password. Unset: `textgate up` starts a server of its own."
            )
        ),
    ] = None
    prefix: Annotated[str, Meta(description="What all keys start with.")] = "tg:"
    wait_replicas: Annotated[
        int,
        Meta(ge=0, le=100, description="Replicas that must have a message before it is acknowledged; 0 = none."),
    ] = 0
    durability: Annotated[
        Durability,
        Meta(
            description=(
                "What an acknowledged text survives. `memory`: the end of every process but Redis. `everysec`: a "
                "crash of Redis with its append-only file on, bar the last second. `always`: that too; each "
                "acknowledgement waits for the disk."
            )
        ),
    ] = Durability.EVERYSEC


class IngressSection(Section, frozen=True):
    """The public web server."""

    host: Annotated[Text, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on; 0 = any free one.")] = 8080
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks of reverse proxies whose `X-Forwarded-For` is believed."),
    ] = ()


class AgentWorker(Section, frozen=True):
    """Workers that run agent turns."""

    concurrency: Annotated[int, Meta(ge=1, le=10_000, description="Agent turns at once in one process.")] = 64


class FormatWorker(Section, frozen=True):
    """Workers that turn replies into SMS parts."""

    concurrency: Annotated[int, Meta(ge=1, le=10_000, description="Replies formatted at once in one process.")] = 32


class OutboundWorker(Section, frozen=True):
    """Workers that send."""

    concurrency: Annotated[int, Meta(ge=1, le=10_000, description="Recipients served at once in one process.")] = 64
    request_timeout_s: Annotated[
        float, Meta(gt=0, le=120, description="Longest request to Twilio, from the first byte sent.")
    ] = msgspec.field(default=15, name="requestTimeoutSeconds")
    in_doubt_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description=(
                "How long a part whose request may have reached Twilio is looked for before it is sent again. At least "
                "`leaseSeconds` + `requestTimeoutSeconds` + 5, or a request still under way could be repeated."
            ),
        ),
    ] = msgspec.field(default=45, name="inDoubtSeconds")
    final_state_after_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description=(
                "When Twilio is asked how a text ended if no callback told; then again each time it is twice as old, "
                "for a day. 0 = never."
            ),
        ),
    ] = msgspec.field(default=300, name="finalStateAfterSeconds")


class ProbeWorker(Section, frozen=True):
    """Workers that check Twilio's side."""

    concurrency: Annotated[int, Meta(ge=1, le=10_000, description="Accounts probed at once in one process.")] = 4
    timeout_s: Annotated[float, Meta(gt=0, le=300, description="Longest probe of one account, in seconds.")] = (
        msgspec.field(default=20, name="timeoutSeconds")
    )
    interval_s: Annotated[
        float, Meta(ge=1, le=86_400, description="Seconds from one probe of an account to the next.")
    ] = msgspec.field(default=300, name="intervalSeconds")
    alarm_url: Annotated[
        SecretInput | None,
        Meta(
            description=(
                "http or https URL that gets a JSON POST when an account turns bad and when it is good again; text or "
                "SecretRef, since it may hold a token. Unset: the log only."
            )
        ),
    ] = None
    catch_up_hours: Annotated[
        float,
        Meta(
            ge=0,
            le=144,
            description=(
                "How old a text may be that never arrived and is taken from Twilio's log; 0 = never look. Only while "
                "Twilio's webhook leads here."
            ),
        ),
    ] = 24
    catch_up_after_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="How old such a text must be at least; a younger one may still come by its webhook.",
        ),
    ] = msgspec.field(default=60, name="catchUpAfterSeconds")
    low_balance: Annotated[
        float,
        Meta(ge=0, le=1_000_000, description="Warn when less money than this is left, in its currency; 0 = never."),
    ] = 5


class WorkersSection(Section, frozen=True):
    """The workers, kind by kind."""

    agent: Annotated[AgentWorker, Meta(description="Workers that run agent turns.")] = AgentWorker()
    format: Annotated[FormatWorker, Meta(description="Workers that turn replies into parts.")] = FormatWorker()
    outbound: Annotated[OutboundWorker, Meta(description="Workers that send.")] = OutboundWorker()
    probe: Annotated[ProbeWorker, Meta(description="Workers that check Twilio's side.")] = ProbeWorker()
    lease_s: Annotated[
        float,
        Meta(ge=1, le=600, description="How long work stays with a worker that shows no sign of life."),
    ] = msgspec.field(default=12, name="leaseSeconds")

    def concurrency(self, kind: str) -> int:
        """How much one process of a kind (`agent`, `format`, `outbound`, `probe`) does at once."""
        section: AgentWorker | FormatWorker | OutboundWorker | ProbeWorker = getattr(self, kind)
        return section.concurrency


class ApiScope(enum.StrEnum):
    """What a token of the API may do."""

    SEND = "messages:send"
    READ = "messages:read"


class ApiTokenSection(Section, frozen=True):
    """One caller of the API."""

    token: Annotated[
        SecretInput,
        Meta(description="What the caller sends as `Authorization: Bearer …`: at least 16 characters, its own."),
    ]
    scopes: Annotated[
        tuple[ApiScope, ...],
        Meta(description="`messages:send` hands texts in, `messages:read` sees what became of them."),
    ]
    accounts: Annotated[
        tuple[Text, ...] | None, Meta(description="The accounts that it may use and see. Unset: all of them.")
    ] = None
    requests_per_minute: Annotated[
        Count, Meta(description="Requests that it may make per minute, over all replicas; 0 = no limit.")
    ] = 600


class ApiSection(Section, frozen=True):
    """`/v1` on the ingress, for programs that send texts."""

    tokens: Annotated[
        dict[str, ApiTokenSection],
        Meta(description="Callers by a name of letters, digits, `-`, `_`. Without any the API is off: 404."),
    ] = msgspec.field(default_factory=dict)


class DeadLettersSection(Section, frozen=True):
    """How long what was given up is kept."""

    retention_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3650,
            description=(
                "Days that a dead letter is kept after it was first listed, shown or exported; then it is dropped, "
                "logged and counted. 0 = for ever."
            ),
        ),
    ] = 0
    drop_unseen: Annotated[
        bool,
        Meta(description="Also drop letters that nobody has looked at; their days count from when they were given up."),
    ] = False


class ConsoleSection(Section, frozen=True):
    """The operator's web app."""

    host: Annotated[Text, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on; 0 = any free one.")] = 8081


class MetricsSection(Section, frozen=True):
    """Prometheus metrics."""

    host: Annotated[Text, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        Port | None, Meta(description="Port of the first process, the next ones count up. null = no metrics.")
    ] = None


class StateSection(Section, frozen=True):
    """Files of a single-machine set-up."""

    dir: Annotated[Text, Meta(description="Folder of the embedded Redis and its socket; `~/` is your home.")] = (
        "~/.local/state/textgate"
    )
