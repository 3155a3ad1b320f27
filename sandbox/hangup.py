"""The answer that never comes: the connection is reset, so that the client cannot know what happened."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.state import SandboxState


class HangUp(Response):
    """Resets the client's connection instead of answering."""

    def __init__(self, state: SandboxState, request: Request) -> None:
        super().__init__()
        self._state = state
        self._client = request.client

    async def __call__(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        """Reset, then wait until the server has noticed: returning earlier would make it send a 500."""
        if self._state.hang_up is None or self._client is None:
            raise ConnectionResetError("a fault drops the connection; only a real server has one to drop")
        self._state.hang_up((self._client.host, self._client.port))
        while (await receive())["type"] != "http.disconnect":
            pass
