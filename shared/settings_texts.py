"""The setting `texts`: a key for each text of `shared/texts.py`, for those who want words of their own."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.settings_section import Section

Template = str | UnsetType | None
"""Unset: in the words of the account's language. None: say nothing."""


class TextsSection(Section, frozen=True):
    """Words of the account's own. Every text may hold `{number}`, the person's, and `{name}`, the account's label."""

    pairing: Annotated[
        Template,
        Meta(description="To an unknown sender under `pairing`; holds `{code}`, may hold `{minutes}`, `{number}`."),
    ] = UNSET
    pairing_request: Annotated[
        Template, Meta(description="To the owner (`pairingNotify`); holds `{code}`; `{number}` is the stranger's.")
    ] = UNSET
    approved: Annotated[Template, Meta(description="To whom the owner approved with `--notify`.")] = UNSET
    apology: Annotated[
        Template, Meta(description="When a turn has finally failed; for this account, over `agent.apology`.")
    ] = UNSET
    working: Annotated[Template, Meta(description="When a turn takes long.")] = UNSET
    cap: Annotated[Template, Meta(description="When the texts of a day, `{limit}`, are used up.")] = UNSET
    media_unavailable: Annotated[Template, Meta(description="When an attachment could not be sent.")] = UNSET
    help: Annotated[Template, Meta(description="Answer to `/help`; `{commands}` is a line per command.")] = UNSET
    command_help: Annotated[Template, Meta(description="What `/help` does, in that answer.")] = UNSET
    command_new: Annotated[Template, Meta(description="What `/new` does, in that answer.")] = UNSET
    command_status: Annotated[Template, Meta(description="What `/status` does, in that answer.")] = UNSET
    new: Annotated[Template, Meta(description="Answer to `/new`.")] = UNSET
    status: Annotated[
        Template, Meta(description="Answer to `/status`; `{remembered}` and `{waiting}` are numbers of texts.")
    ] = UNSET
    opted_out: Annotated[Template, Meta(description="Answer to STOP, if Twilio does not give it.")] = UNSET
    opted_in: Annotated[Template, Meta(description="Answer to START, if Twilio does not give it.")] = UNSET
    opt_help: Annotated[Template, Meta(description="Answer to HELP, if Twilio does not give it.")] = UNSET


def said(section: TextsSection) -> dict[str, str | None]:
    """The texts that the file says, by key."""
    values = {field.encode_name: getattr(section, field.name) for field in msgspec.structs.fields(section)}
    return {key: value for key, value in values.items() if value is not UNSET}
