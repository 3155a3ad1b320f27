"""The parts of `agent` that are about a conversation, not a single turn: what is remembered, what a text commands."""

from typing import Annotated

from msgspec import Meta

from shared.settings_section import Count, Section, Text


class HistorySection(Section, frozen=True):
    """What an agent is told of the conversation so far."""

    messages: Annotated[
        Count, Meta(description="Texts and replies that are remembered; 0 = none, and nothing is stored.")
    ] = 40
    characters: Annotated[
        int, Meta(ge=100, le=1_000_000, description="Characters of all of them together; the oldest go first.")
    ] = 16_000
    hours: Annotated[
        float, Meta(gt=0, le=8760, description="How long a line is remembered, and a silent conversation at all.")
    ] = 72


class CommandsSection(Section, frozen=True):
    """Texts that Textgate answers itself. Each must be the whole text; upper and lower case are the same."""

    enabled: Annotated[bool, Meta(description="Off: these texts go to the agent like any other.")] = True
    under_open: Annotated[bool, Meta(description='Off: none of them under `dmPolicy: "open"`.')] = True
    new: Annotated[
        Text | None, Meta(description="Begins a new conversation: the history is forgotten. null = none.")
    ] = "/new"
    help: Annotated[Text | None, Meta(description="Lists the commands. null = none.")] = "/help"
    status: Annotated[
        Text | None, Meta(description="Says who answers, since when, and what is remembered. null = none.")
    ] = "/status"
