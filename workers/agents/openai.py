"""`agent.kind: "openai"`: any OpenAI-compatible chat-completions endpoint, by plain HTTP (see docs/adr/0012).

Not streamed: a text is sent when it is whole. Tool calls are not made: a phone shows words.
"""

import msgspec

from shared.agent_backends import OpenAiBackend
from shared.errors import PermanentError, TextgateError
from shared.logs import logger
from shared.secrets import MASK
from workers.agents.contract import Answer, Line, Turn
from workers.agents.images import load_images
from workers.agents.openai_answer import Refusal, parse_completion, parse_refusal
from workers.agents.openai_request import TokenLimit, request_of
from workers.agents.post import Answered, Poster, fault_of

_HINTS = {
    400: "read what it says; is every key of agent.openai right for this model?",
    401: "check agent.openai.apiKey",
    403: "check what agent.openai.apiKey may do",
    404: "check agent.openai.baseUrl and agent.openai.model",
}
_TOO_LONG = "shorten agent.openai.systemPrompt, agent.history or agent.openai.maxTokens, or take a model with more room"

log = logger(__name__)


class OpenAiAgent:
    """One endpoint and model."""

    def __init__(self, backend: OpenAiBackend) -> None:
        self._backend = backend
        self._poster = Poster()
        self._limit = TokenLimit.MAX_TOKENS
        """How this endpoint calls `maxTokens`; found out by asking."""

    async def __call__(self, turn: Turn) -> Answer:
        images = await load_images(turn) if self._backend.vision else {}
        history = turn.history
        answer = await self._ask(turn, history, images)
        refusal = parse_refusal(answer.body) if answer.status >= 400 else Refusal()
        if refusal.names_max_tokens and self._limit is TokenLimit.MAX_TOKENS:
            self._limit = TokenLimit.MAX_COMPLETION_TOKENS
            answer = await self._ask(turn, history, images)
            refusal = parse_refusal(answer.body) if answer.status >= 400 else Refusal()
        if refusal.is_too_long and history:
            history = history[(len(history) + 1) // 2 :]
            log.warning("openai_history_dropped", conversation=turn.conversation, lines_left=len(history))
            answer = await self._ask(turn, history, images)
        if not 200 <= answer.status < 300:
            raise self._fault(answer)
        return self._said(answer, turn)

    async def close(self) -> None:
        """Give the connections back."""
        await self._poster.close()

    async def _ask(self, turn: Turn, history: tuple[Line, ...], images: dict[str, str]) -> Answered:
        body = request_of(self._backend, turn, history=history, images=images, limit=self._limit)
        headers = {"content-type": "application/json", "accept": "application/json"}
        headers |= {name: value.reveal() for name, value in self._backend.headers}
        if self._backend.api_key is not None:
            headers["authorization"] = f"Bearer {self._backend.api_key.reveal()}"
        return await self._poster.post(self._backend.url, msgspec.json.encode(body), headers)

    def _said(self, answer: Answered, turn: Turn) -> str | None:
        completion = parse_completion(answer.body)
        if completion.notes:
            log.warning("openai_answer", conversation=turn.conversation, notes=completion.notes)
        return completion.text

    def _fault(self, answer: Answered) -> TextgateError:
        refusal = parse_refusal(answer.body)
        said = refusal.message
        sent = [value for _, value in self._backend.headers]
        for secret in (*sent, self._backend.api_key):  # some servers repeat what they were sent
            if secret is not None and secret.reveal():
                said = said.replace(secret.reveal(), MASK)
        if refusal.is_too_long:
            return PermanentError(
                f"the conversation is too long for the model: {said[:200]}", code="agent-too-long", hint=_TOO_LONG
            )
        return fault_of(answer, said=said, hint=_HINTS.get(answer.status, _HINTS[400]))
