"""The section `agent`: what answers the texts, and the keys of each kind of agent.

It may stand three times: at the top, in `channels.sms` and in an account there; the nearer one wins key by key (see
`shared/config_agent.py`). So no key is required here: what is missing is missed only when everything is put together.
"""

import enum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.secrets import SecretInput
from shared.settings_conversation import CommandsSection, HistorySection
from shared.settings_section import Age, Section, Text

Temperature = Annotated[float, Meta(ge=0, le=2)]
Tokens = Annotated[int, Meta(ge=1, le=1_000_000)]
Mebibytes = Annotated[int, Meta(ge=16, le=1_048_576)]


class AgentKind(enum.StrEnum):
    """What answers the texts."""

    ECHO = "echo"
    OPENAI = "openai"
    HTTP = "http"
    PYTHON = "python"
    COMMAND = "command"


class CommandOutput(enum.StrEnum):
    """How the stdout of a command is read."""

    TEXT = "text"
    JSON = "json"


class AgentMedia(enum.StrEnum):
    """What an agent gets of the pictures and files that come with a text."""

    FILES = "files"
    URLS = "urls"
    NONE = "none"


class OpenAiSection(Section, frozen=True):
    """`agent.kind: "openai"`: a chat-completions endpoint."""

    base_url: Annotated[
        Text | None,
        Meta(description="What `/chat/completions` is appended to, such as `https://api.openai.com/v1`."),
    ] = None
    model: Annotated[Text | None, Meta(description="The model's name there.")] = None
    api_key: Annotated[
        SecretInput | None, Meta(description="Sent as `Authorization: Bearer …`. Unset: no such header.")
    ] = None
    system_prompt: Annotated[Text | None, Meta(description="What the model is told before everything else.")] = None
    system_prompt_file: Annotated[
        Text | None,
        Meta(description="The same, from a file; relative to the configuration file. A change counts at once."),
    ] = None
    temperature: Annotated[
        Temperature | None, Meta(description="How freely the model chooses. Unset: the server's default.")
    ] = None
    max_tokens: Annotated[Tokens | None, Meta(description="Longest answer in tokens. Unset: the server's default.")] = (
        None
    )
    vision: Annotated[
        bool, Meta(description="Pictures that came with a text are handed to the model. Else it is told their type.")
    ] = False
    headers: Annotated[
        dict[str, SecretInput], Meta(description="Further request headers: name → text or SecretRef.")
    ] = msgspec.field(default_factory=dict)


class HttpSection(Section, frozen=True):
    """`agent.kind: "http"`: a web service of your own."""

    url: Annotated[Text | None, Meta(description="Where each turn is posted as JSON.")] = None
    secret: Annotated[
        SecretInput | None,
        Meta(description="Signs each request (HMAC-SHA256 in `Textgate-Signature`). Unset: not signed."),
    ] = None
    headers: Annotated[
        dict[str, SecretInput], Meta(description="Further request headers: name → text or SecretRef.")
    ] = msgspec.field(default_factory=dict)
    answer_within_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86_400,
            description="After a 202: how long `POST /v1/messages` takes the answer to the turn, in seconds.",
        ),
    ] = msgspec.field(default=3600, name="answerWithinSeconds")


class CommandSection(Section, frozen=True):
    """`agent.kind: "command"`: a program, started for each turn."""

    argv: Annotated[
        tuple[Text, ...],
        Meta(
            description=(
                "The program and its arguments; no shell. A name without `/` is looked up in PATH, a relative path "
                "in `agent.path`."
            )
        ),
    ] = ()
    output: Annotated[
        CommandOutput,
        Meta(description='`text`: stdout is the answer, in Markdown. `json`: `{"texts": […], "media": […]}`.'),
    ] = CommandOutput.TEXT
    pass_env: Annotated[
        tuple[str, ...],
        Meta(description="Variables of the worker that it sees beside PATH, HOME, LANG, LC_ALL, TZ and TMPDIR."),
    ] = ()
    env: Annotated[
        dict[str, SecretInput], Meta(description="Variables that it is given: name → text or SecretRef.")
    ] = msgspec.field(default_factory=dict)
    max_output_bytes: Annotated[
        int, Meta(ge=1, le=16_777_216, description="How much it may write to stdout; more fails the turn for good.")
    ] = 1_048_576
    memory_mb: Annotated[
        Mebibytes | None,
        Meta(
            description=(
                "Address space of each of its processes in MiB. Unset: no limit. Node.js, Java and Go reserve far "
                "more than they use."
            ),
        ),
    ] = None


class AgentSection(Section, frozen=True):
    """What answers."""

    kind: Annotated[
        AgentKind,
        Meta(
            description=(
                "`echo` answers with the text itself; `python` calls `agent.callable` in the worker; `openai`, `http` "
                "and `command` are described by the keys below that start with their name."
            )
        ),
    ] = AgentKind.ECHO
    debounce_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=600_000,
            description=(
                "Quiet time in milliseconds before a turn starts; each text starts it afresh, up to five times in all. "
                "0 = at once."
            ),
        ),
    ] = 0
    history: Annotated[HistorySection, Meta(description="What the agent is told of the conversation so far.")] = (
        HistorySection()
    )
    idle_reset_min: Annotated[
        float,
        Meta(ge=0, le=525_600, description="Silence in minutes after which the history starts afresh; 0 = never."),
    ] = msgspec.field(default=0, name="idleResetMinutes")
    commands: Annotated[CommandsSection, Meta(description="Texts that Textgate answers itself.")] = CommandsSection()
    still_working_after_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="When a turn takes longer than this, the person is told once that it goes on; 0 = never.",
        ),
    ] = msgspec.field(default=0, name="stillWorkingAfterSeconds")
    timeout_s: Annotated[
        float, Meta(gt=0, le=3600, description="Longest turn in seconds; then it counts as failed.")
    ] = msgspec.field(default=120, name="timeoutSeconds")
    callable: Annotated[
        Text | None,
        Meta(description='For `kind: "python"`: `package.module:callable`; a function, coroutine or generator.'),
    ] = None
    path: Annotated[
        Text | None,
        Meta(
            description=(
                "Folder of your code: put last on the import path of `python`, working directory of `command`. "
                "Relative to the configuration file. Unset: that file's folder."
            )
        ),
    ] = None
    media: Annotated[
        AgentMedia,
        Meta(
            description=(
                "Pictures and files of an MMS. `files`: fetched for the agent before it is asked (not for `echo`, nor "
                "for `openai` without `vision`); `urls`: only Twilio's addresses, which need the account's "
                "credentials; `none`: nothing of them."
            )
        ),
    ] = AgentMedia.FILES
    media_folder: Annotated[
        Text | None,
        Meta(
            description=(
                "Folder from which an answer may name files to be sent, and from nowhere else. Relative to the "
                "configuration file. Unset: no files, only URLs and bytes."
            )
        ),
    ] = None
    max_reply_characters: Annotated[
        int,
        Meta(
            ge=100,
            le=100_000,
            description="Longest answer to one turn, its texts taken together; the rest is cut off and marked `[...]`.",
        ),
    ] = 10_000
    strip_artifacts: Annotated[
        bool,
        Meta(
            description=(
                "Take `<think>` blocks, tool calls and control tokens such as `<|im_end|>` out of the agent's replies; "
                "what stands in code stays."
            )
        ),
    ] = False
    apology: Annotated[
        str | UnsetType | None,
        Meta(
            description=(
                "Texted when a turn has finally failed; unset: in the account's language. null = say nothing. An "
                "account's `texts.apology` goes before it."
            )
        ),
    ] = UNSET
    max_reply_age_s: Annotated[
        Age | None,
        Meta(
            description=(
                "How long after its text an answer may still go out, in seconds: after an outage nobody wants "
                "yesterday's question answered. An older one becomes a dead letter `too-old`. null = any time."
            )
        ),
    ] = msgspec.field(default=None, name="maxReplyAgeSeconds")
    openai: Annotated[OpenAiSection, Meta(description="The chat-completions endpoint.")] = OpenAiSection()
    http: Annotated[HttpSection, Meta(description="The web service of your own.")] = HttpSection()
    command: Annotated[CommandSection, Meta(description="The program and its limits.")] = CommandSection()

    @property
    def label(self) -> str:
        """What answers, for people: the kind, and what tells it from others of its kind."""
        about = {
            AgentKind.PYTHON: self.callable,
            AgentKind.OPENAI: self.openai.model,
            AgentKind.HTTP: (self.http.url or "").partition("?")[0],
            AgentKind.COMMAND: " ".join(self.command.argv[:1]),
        }.get(self.kind)
        return f"{self.kind.value}, {about}" if about else self.kind.value
