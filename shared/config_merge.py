"""Lay blocks of account keys over each other: the account's own, the base block, the environment, the defaults.

Pure. These do not come down from the base block as they are:
- credentials belong to an `accountSid`: an account that names another SID inherits none of them, and one that brings
  its own auth token or half an API key does not inherit the secondary token or the other half;
- `rateLimits`, `optOut`, `loopGuard` and `texts` are merged key by key, but an account that names a `language` inherits
  no texts: they may be in another one; `enabled` must be true in both places.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from shared.config_environment import Variable
from shared.config_shape import join
from shared.settings_channels import AccountSection
from shared.settings_number_rules import LoopGuardSection, OptOutSection, RateLimits
from shared.settings_texts import said as texts_said

_COMES_WITH = {
    "auth_token": "auth_token",
    "auth_token_secondary": "auth_token",
    "webhook_signing_keys": "auth_token",
    "api_key_sid": "api_key_secret",
    "api_key_secret": "api_key_sid",
}
"""The credentials, each with the one that an account must not have of its own if it is to inherit it."""

_KEYS = {field.name: field.encode_name for field in msgspec.structs.fields(AccountSection)}
_DEFAULTS = AccountSection()

S = TypeVar("S", bound=msgspec.Struct)

TEXT = "texts."
"""Before the key of each text that a block says, in the result of `merge_blocks`."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One block of account keys, and which of them the file says itself."""

    section: AccountSection
    raw: Mapping[str, Any]
    path: str

    def says(self, name: str) -> bool:
        return _KEYS[name] in self.raw


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A value and the path (or variable) that errors name for it."""

    value: Any
    path: str


def merge_blocks(blocks: list[Block], variables: Mapping[str, Variable]) -> dict[str, Said]:
    """Take each key from the first block that says it, else from the environment, else its default."""
    said: dict[str, Said] = {}
    for name, key in _KEYS.items():
        block = next((block for block in blocks if block.says(name) and _may_inherit(name, blocks, block)), None)
        if block is not None:
            said[name] = Said(value=getattr(block.section, name), path=join(block.path, key))
        elif name in variables:
            said[name] = Said(value=variables[name].parse(), path=variables[name].name)
        else:
            said[name] = Said(value=getattr(_DEFAULTS, name), path=join(blocks[0].path, key))
    said["enabled"] = Said(value=all(block.section.enabled for block in blocks), path=said["enabled"].path)
    said["rate_limits"] = Said(value=_merge(blocks, "rate_limits", RateLimits), path=said["rate_limits"].path)
    said["opt_out"] = Said(value=_merge(blocks, "opt_out", OptOutSection), path=said["opt_out"].path)
    said["loop_guard"] = Said(value=_merge(blocks, "loop_guard", LoopGuardSection), path=said["loop_guard"].path)
    return said | {f"{TEXT}{key}": text for key, text in _merge_texts(blocks).items()}


def _may_inherit(name: str, blocks: list[Block], block: Block) -> bool:
    """Whether a credential may come from the base block: only for the same SID, and not to complete a pair."""
    own = blocks[0]
    if block is own or name not in _COMES_WITH:
        return True
    sids = {own.section.account_sid, block.section.account_sid} - {None}
    return len(sids) < 2 and not own.says(_COMES_WITH[name])


def _merge(blocks: list[Block], name: str, section: type[S]) -> S:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(section):
        for block in reversed(blocks):
            if block.says(name) and field.encode_name in block.raw[_KEYS[name]]:
                values[field.name] = getattr(getattr(block.section, name), field.name)
    return section(**values)


def _merge_texts(blocks: list[Block]) -> dict[str, Said]:
    """Each text that a block says, by key."""
    own = blocks[0]
    texts: dict[str, Said] = {}
    for block in reversed(blocks):
        if block is own or not own.says("language"):
            path = join(block.path, _KEYS["texts"])
            texts |= {
                key: Said(value=text, path=join(path, key)) for key, text in texts_said(block.section.texts).items()
            }
    return texts
