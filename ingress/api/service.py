"""What the handlers work with: one configuration's worth of tokens and accounts, and Redis.

Redis keys: rate:api.
"""

from redis.asyncio import Redis
from starlette.requests import Request

from ingress.api.door import Door
from ingress.api.problems import Kind, RefusedError
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.round_trip import execute
from shared.scripts import Call, script
from shared.settings import ApiScope, ApiToken, Settings

MINUTE_MS = 60_000


class Service:
    """Made anew at each reload; requests under way finish with the one that they began with."""

    def __init__(self, settings: Settings, *, keys: Keys, commit: GroupCommit, redis: Redis) -> None:
        self.accounts = settings.accounts
        self.default_account_id = settings.default_account_id
        self.twilio_is_local = settings.twilio_api_base is not None
        self.keys = keys
        self.commit = commit
        self.redis = redis
        self._door = Door(settings.api_tokens)

    async def admit(self, request: Request, scope: ApiScope) -> ApiToken:
        """The caller. Raises RefusedError(401, 403, 429), or one of `AWAY` when Redis cannot count."""
        token = self._door.identify(request.headers.get("authorization", ""), scope)
        request.state.token = token.name
        if token.requests_per_minute:
            await self._count(token)
        return token

    async def _count(self, token: ApiToken) -> None:
        counter = self.keys.api_rate(token.name)
        # Not through the group commit: a counter need not survive anything, so reading never waits for a disk.
        (count,) = await execute(self.redis, [Call(script("count"), (counter,), (MINUTE_MS,))])
        if isinstance(count, Exception):
            raise count
        if count > token.requests_per_minute:
            left_ms = await self.redis.pttl(counter)
            raise RefusedError(
                Kind.TOO_MANY_REQUESTS,
                f"the token may make {token.requests_per_minute} requests a minute",
                headers={"retry-after": str(max(1, -(-left_ms // 1000)))},
            )
