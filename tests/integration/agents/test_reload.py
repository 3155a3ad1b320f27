"""A configuration that changes under running turns: each ends with its agent, the next turn has the new one."""

import asyncio
from typing import Any

import pytest

from shared.errors import ConfigError
from shared.settings import Account
from tests.integration.agents.conftest import Desk
from tests.integration.agents.endpoint import Endpoint, completes, says
from workers.agents.directory import Agents


async def test_a_turn_under_way_ends_with_its_own_agent_whose_connections_are_closed_then(
    desk: Desk, endpoint: Endpoint
) -> None:
    """That they are closed in the end is seen to by aiohttp: it warns, and warnings are errors here."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def waits(request: Any) -> Any:
        asked.set()
        await go.wait()
        return await completes("the old one")(request)

    endpoint.on("/v1/chat/completions", waits)
    desk.answer_with({"kind": "openai", "openai": {"baseUrl": f"{endpoint.url}/v1", "model": "m"}})
    await desk.text("hello")
    turn = asyncio.create_task(desk.turn())
    await asyncio.wait_for(asked.wait(), 30)

    endpoint.on("/turn", says({"text": "the new one"}))
    desk.answer_with({"kind": "http", "http": {"url": f"{endpoint.url}/turn"}})
    go.set()
    assert (await turn).outcome == "answered"
    await desk.text("and now?")
    assert (await desk.turn()).outcome == "answered"
    assert [reply.texts for reply in await desk.said()] == [("the old one",), ("the new one",)]


async def test_an_agent_that_cannot_be_loaded_leaves_the_old_one_in_force(desk: Desk) -> None:
    desk.answer_with({"kind": "echo"})
    with pytest.raises(ConfigError, match="no_such_module_anywhere"):
        desk.answer_with({"kind": "python", "callable": "no_such_module_anywhere:reply"})
    await desk.text("hello")
    assert (await desk.turn()).outcome == "answered"


async def test_equal_backends_are_one_agent_and_a_reload_that_changes_nothing_keeps_it(desk: Desk) -> None:
    agent = {"kind": "openai", "openai": {"baseUrl": "http://127.0.0.1:1/v1", "model": "m"}}
    settings = desk.load(agent)
    account = settings.accounts["default"]
    agents = Agents({"one": account, "two": account})

    async def agent_of(one: Account) -> object:
        async with agents(one) as found:
            return found

    before = await agent_of(account)
    agents.replace(desk.load(agent | {"timeoutSeconds": 3}).accounts)
    assert await agent_of(account) is before
    await agents.close()


async def test_texts_of_an_account_that_was_removed_wait_for_it(desk: Desk) -> None:
    desk.answer_with({"kind": "echo"})
    await desk.text("hello")
    desk.remove_account()
    turned = await desk.turn()
    assert (turned.outcome, turned.facts["reason"]) == ("not_now", "account default is removed or disabled")
    desk.answer_with({"kind": "echo"})
    assert (await desk.turn()).outcome == "answered"
