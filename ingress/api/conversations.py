"""`GET /v1/conversations/{id}`: what waits for one person, and whether anything may leave. Reads only.

Redis keys: conversation, the three lanes, the holds, optout, paused.
"""

import re

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from ingress.api.answers import json_response
from ingress.api.problems import Kind, RefusedError
from ingress.api.service import Service
from ingress.api.wire import Conversation, Lanes, LaneState
from shared.keys import Keys, Stage
from shared.phone import mask, person_of
from shared.settings import ApiScope

CONVERSATION_ID = re.compile(r"[a-z2-7]{16}")


async def get_conversation(service: Service, request: Request) -> Response:
    """The conversation, if the token may see its account. Raises RefusedError(404)."""
    token = await service.admit(request, ApiScope.READ)
    conversation_id = request.path_params["id"]
    found = None
    if CONVERSATION_ID.fullmatch(conversation_id):
        found = await load_conversation(service.redis, service.keys, conversation_id)
    if found is None or not (token.accounts is None if found.account is None else token.may_use(found.account)):
        raise RefusedError(Kind.NOT_FOUND, "there is no such conversation, or nothing was said in it for 30 days")
    request.state.facts = {"conversation": conversation_id}
    return json_response(found)


async def load_conversation(redis: Redis, keys: Keys, conversation_id: str) -> Conversation | None:
    """The conversation; None if nothing is known of it."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hgetall(keys.conversation(conversation_id))
        for stage in (Stage.FORMAT, Stage.OUTBOUND):
            pipe.zcard(keys.hold(stage, conversation_id).set)
        for stage in Stage:
            pipe.llen(keys.lane(stage, conversation_id).list)
        stored, scheduled, quiet, *waiting = await pipe.execute()
    state = {name.decode(): value.decode() for name, value in stored.items()}
    if not state:
        return None
    account, peer = state.get("account"), state.get("peer")
    lanes = {
        stage.value: LaneState(waiting=length, turn=state.get(stage.value))
        for stage, length in zip(Stage, waiting, strict=True)
    }
    opted_out = paused = None
    if account is not None and peer is not None:
        async with redis.pipeline(transaction=True) as pipe:
            pipe.hexists(keys.opted_out(account), person_of(peer))
            pipe.exists(keys.paused(account))
            opted_out, paused = map(bool, await pipe.execute())
    return Conversation(
        id=conversation_id,
        account=account,
        peer=None if peer is None else mask(peer),
        opted_out=opted_out,
        paused=paused,
        lanes=Lanes(**lanes),
        scheduled=scheduled + quiet,
    )
