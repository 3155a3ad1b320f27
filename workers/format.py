"""The format stage: turn one reply into the parts that go over the air.

The formatting itself is pure and lies in `workers/text/`. Redis keys: the format and outbound lanes, and the history.
"""

from shared.history import Memory
from shared.keys import Stage
from shared.lanes import hand_over
from shared.records import Origin, Part, Reply, decode_reply, encode
from shared.settings import Account
from workers.memory import NOTHING, keeps_history, remember, said_to_person
from workers.text.artifacts import without_artifacts
from workers.text.render import RenderedPart, render
from workers.text.segments import Encoding
from workers.work import Burial, Environment, StageSpec, Work

MEDIA_ONLY = RenderedPart(body="", encoding=Encoding.GSM_7, segments=1, units=0)
"""What goes out when there are media and no words."""


async def format_reply(work: Work, env: Environment) -> None:
    """Cut the reply at the head of the lane into parts and hand them to the outbound stage, in order."""
    reply = decode_reply(work.records[0])
    work.facts |= {"account": reply.account_id, "reply": reply.reply_id, "origin": reply.origin.value}
    if reply.in_reply_to is not None:
        work.facts["message_sid"] = reply.in_reply_to
    account = env.account(reply.account_id)
    parts = parts_of(reply, account, strip_artifacts=account.agent.strip_artifacts)
    committed = await work.commit(
        hand_over(
            source=work.lane,
            source_stage=Stage.FORMAT,
            turn=work.turn,
            taken=1,
            target=env.keys.lane(Stage.OUTBOUND, work.conversation),
            target_stage=Stage.OUTBOUND,
            records=tuple(encode(part) for part in parts),
            memory=_memory(reply, env),
        )
    )
    work.facts |= {"parts": len(parts), "segments": sum(part.segments for part in parts)}
    work.outcome = "formatted" if committed else "fenced"


def _memory(reply: Reply, env: Environment) -> Memory | None:
    """What others send to the person (a reminder, an operator's words) is remembered too, or an agent would not know
    what they answer; what the agent said itself is in the history already, and notices are no part of it."""
    agent = env.settings.agent_of(reply.account_id)
    if reply.origin not in (Origin.API, Origin.OPERATOR) or not keeps_history(agent):
        return None
    lines = said_to_person(reply.texts, reply.created_ms)
    return remember(NOTHING, lines, agent, key=env.keys.history(reply.conversation), now_ms=reply.created_ms)


def parts_of(reply: Reply, account: Account, *, strip_artifacts: bool = False) -> list[Part]:
    """The reply as parts; ids are derived, so formatting twice gives the same parts. The first carries the media, and
    media without words are a part of their own.

    `strip_artifacts`: take out what a model's template left over, if the agent wrote the reply.
    """
    strip = strip_artifacts and reply.origin is Origin.AGENT
    rendered = [
        part
        for text in reply.texts
        for part in render(
            without_artifacts(text) if strip else text,
            markdown=reply.markdown,
            limit=account.text_chunk_limit,
            smart_encoding=account.smart_encoding,
            counters=account.part_counters,
        )
    ]
    if reply.media and not rendered:
        rendered = [MEDIA_ONLY]
    return [
        Part(
            part_id=f"{reply.reply_id}.{index}",
            reply_id=reply.reply_id,
            index=index,
            count=len(rendered),
            account_id=reply.account_id,
            conversation=reply.conversation,
            to=reply.to,
            body=part.body,
            encoding=part.encoding,
            segments=part.segments,
            origin=reply.origin,
            created_ms=reply.created_ms,
            received_ms=reply.received_ms,
            media=reply.media if index == 0 else (),
            validity_s=reply.validity_s,
        )
        for index, part in enumerate(rendered)
    ]


async def bury_reply(work: Work, _: Environment) -> Burial:
    """Give up one reply; nothing is sent of it."""
    return Burial(account_id=decode_reply(work.records[0]).account_id, records=work.records[:1])


SPEC = StageSpec(stage=Stage.FORMAT, process=format_reply, bury=bury_reply, take=1)


def __getattr__(name: str) -> type:
    """`WorkerSettings` for `arq workers.format.WorkerSettings`, made when it is asked for. See `workers/stock.py`."""
    if name != "WorkerSettings":
        raise AttributeError(name)
    from workers.stock import worker_settings

    return worker_settings(SPEC)
