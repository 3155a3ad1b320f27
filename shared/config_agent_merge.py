"""Lay `agent` blocks over each other: the account's, that of `channels.sms`, the one at the top. Pure.

Sections merge key by key, lists and maps replace. Credentials belong to an address: a block that names another
`baseUrl` or `url` inherits neither `apiKey` nor `secret` nor `headers`, or they would be sent to a stranger.
"""

import typing
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared.config_merge import Said
from shared.config_shape import join, parse_section
from shared.settings_agent import AgentSection, HttpSection, OpenAiSection
from shared.settings_section import Section
from shared.texts import TextKey

_BELONGS: dict[type[Section], tuple[str, tuple[str, ...]]] = {
    OpenAiSection: ("baseUrl", ("apiKey", "headers")),
    HttpSection: ("url", ("secret", "headers")),
}
"""The address of a section, and what goes nowhere else."""


class AgentBlock(msgspec.Struct, frozen=True, kw_only=True):
    """One `agent` block as the file has it."""

    raw: Mapping[str, Any]
    path: str


def agent_blocks(values: Mapping[str, Any], account_id: str) -> list[AgentBlock]:
    """The blocks that concern an account, the most general first."""
    sms = (values.get("channels") or {}).get("sms") or {}
    account = (sms.get("accounts") or {}).get(account_id) or {}
    places = (
        (values, "agent"),
        (sms, "channels.sms.agent"),
        (account, f"{join('channels.sms.accounts', account_id)}.agent"),
    )
    return [AgentBlock(raw=where["agent"], path=path) for where, path in places if where.get("agent")]


def merge_agent(blocks: Sequence[AgentBlock]) -> AgentSection:
    """The section that is in force. The blocks were checked one by one; together they cannot fail."""
    merged: dict[str, Any] = {}
    for block in blocks:
        merged = _merge(AgentSection, merged, block.raw)
    return parse_section(merged, AgentSection, blocks[-1].path if blocks else "agent")


def texts_of_agent(blocks: Sequence[AgentBlock]) -> dict[TextKey, Said]:
    """`agent.apology` of the nearest block that says it: older than `texts`; blank words said nothing then."""
    for block in reversed(blocks):
        if "apology" in block.raw:
            return {TextKey.APOLOGY: Said(value=block.raw["apology"] or None, path=f"{block.path}.apology")}
    return {}


def _merge(section: type[Section], below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    address, goods = _BELONGS.get(section, ("", ()))
    moved = address in above and address in below and above[address] != below[address]
    merged = {key: value for key, value in below.items() if not (moved and key in goods)}
    hints = typing.get_type_hints(section)
    inner = {field.encode_name: hints[field.name] for field in msgspec.structs.fields(section)}
    for key, value in above.items():
        kind = inner.get(key)
        if isinstance(kind, type) and issubclass(kind, Section) and isinstance(value, Mapping):
            merged[key] = _merge(kind, merged.get(key) or {}, value)
        else:
            merged[key] = value
    return merged
