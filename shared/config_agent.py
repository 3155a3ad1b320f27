"""From the `agent` blocks to what answers each account: merged, checked, secrets and files read.

Reads the file of a system prompt and looks whether a program can be run; imports no user code, asks no endpoint.
"""

from collections.abc import Mapping
from typing import assert_never

import msgspec

from shared.agent_backends import Backend, CommandBackend, EchoBackend, HttpBackend, OpenAiBackend, PythonBackend
from shared.config_agent_merge import agent_blocks, merge_agent
from shared.config_agent_values import AgentSurroundings, AgentValues
from shared.secrets import PLAIN_TEXT, Secret
from shared.settings_account import Account
from shared.settings_agent import AgentKind


class WithAgents(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts with what answers them, and what deserves a warning."""

    accounts: dict[str, Account]
    warnings: tuple[str, ...]


def attach_agents(accounts: Mapping[str, Account], around: AgentSurroundings) -> WithAgents:
    """Give each account that is on its agent; without any, still look whether the section is in order.

    Raises `ConfigError`.
    """
    attached: dict[str, Account] = {}
    warnings: dict[str, None] = {}
    for account in accounts.values():
        values = _values(account.id, around)
        # A switched-off account must not stop a start because a secret is nowhere to be found.
        backend = build_backend(values) if account.enabled else account.backend
        attached[account.id] = msgspec.structs.replace(
            account, agent=values.section, backend=backend, media_folder=values.media_folder()
        )
        warnings |= dict.fromkeys(values.warnings)
    if not any(account.enabled for account in accounts.values()):
        build_backend(_values("", around))
    return WithAgents(accounts=attached, warnings=tuple(warnings))


def plain_credentials(backend: Backend) -> tuple[Secret, ...]:
    """The credentials that stand in the file themselves."""
    match backend:
        case OpenAiBackend(api_key=Secret() as secret) | HttpBackend(secret=Secret() as secret):
            return (secret,) if secret.origin == PLAIN_TEXT else ()
    return ()


def build_backend(values: AgentValues) -> Backend:
    """What one merged section means. Raises `ConfigError` for what is wrong or missing."""
    values.check_callable()
    match values.section.kind:
        case AgentKind.ECHO:
            return EchoBackend()
        case AgentKind.PYTHON:
            return _python(values)
        case AgentKind.OPENAI:
            return _openai(values)
        case AgentKind.HTTP:
            return _http(values)
        case AgentKind.COMMAND:
            return _command(values)
        case other:
            assert_never(other)


def _values(account_id: str, around: AgentSurroundings) -> AgentValues:
    blocks = agent_blocks(around.values, account_id)
    return AgentValues(merge_agent(blocks), blocks[-1].path if blocks else "agent", around)


def _python(values: AgentValues) -> Backend:
    target = values.needed("callable", values.section.callable, "package.module:callable")
    return PythonBackend(callable=target, path=values.folder())


def _openai(values: AgentValues) -> Backend:
    given = values.section.openai
    base = values.url("openai.baseUrl", given.base_url, "the URL that /chat/completions is appended to")
    head, question, query = base.partition("?")
    key = values.secret("openai.apiKey", given.api_key)
    return OpenAiBackend(
        url=f"{head.rstrip('/')}/chat/completions{question}{query}",
        model=values.needed("openai.model", given.model, "the model's name"),
        api_key=key,
        system_prompt=values.system_prompt(),
        temperature=given.temperature,
        max_tokens=given.max_tokens,
        vision=given.vision,
        headers=values.headers("openai.headers", given.headers, taken="authorization" if key else ""),
    )


def _http(values: AgentValues) -> Backend:
    given = values.section.http
    return HttpBackend(
        url=values.url("http.url", given.url, "where turns are posted"),
        secret=values.secret("http.secret", given.secret),
        headers=values.headers("http.headers", given.headers, taken="textgate-signature"),
        answer_within_s=given.answer_within_s,
    )


def _command(values: AgentValues) -> Backend:
    given = values.section.command
    folder = values.folder()
    return CommandBackend(
        argv=values.command_line(folder),
        path=folder,
        output=given.output,
        env=values.variables(),
        max_output_bytes=given.max_output_bytes,
        memory_mb=given.memory_mb,
    )
