"""A turn's texts as the agent gets them: with what came along, as far as its kind and its settings want that."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from shared.agent_backends import EchoBackend, OpenAiBackend
from shared.records import InboundText
from shared.settings import Account
from shared.settings_agent import AgentMedia
from workers.agents.contract import Text
from workers.media.inbound import Attachments, fetched, unfetched
from workers.work import Environment


def with_attachments(env: Environment, texts: Sequence[InboundText]) -> AbstractAsyncContextManager[tuple[Text, ...]]:
    """The texts; fetched files are there until the end of the block. Raises NotNow if the account is away."""
    account = env.account(texts[0].account_id)
    if account.agent.media is AgentMedia.NONE or not any(text.media for text in texts):
        return nullcontext(_texts(texts, {}))
    if not wants_files(account):
        return nullcontext(_texts(texts, unfetched(texts)))
    return _with_files(env, account, texts)


@asynccontextmanager
async def _with_files(
    env: Environment, account: Account, texts: Sequence[InboundText]
) -> AsyncIterator[tuple[Text, ...]]:
    async with fetched(texts, account, api_base=env.settings.twilio_api_base) as attachments:
        yield _texts(texts, attachments)


def wants_files(account: Account) -> bool:
    """Whether what answers could make something of files."""
    match account.backend:
        case EchoBackend() | OpenAiBackend(vision=False):
            return False
    return account.agent.media is AgentMedia.FILES


def _texts(texts: Sequence[InboundText], attachments: Attachments) -> tuple[Text, ...]:
    return tuple(
        Text(
            message_sid=text.message_sid,
            body=text.body,
            received_ms=text.received_ms,
            media=attachments.get(text.message_sid, ()),
        )
        for text in texts
    )
