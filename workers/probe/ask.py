"""One question to Twilio, within the probe's time limit: the answer, or why there is none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from shared.errors import OutcomeUnknownError, PermanentError, TransientError
from shared.settings import Account
from workers.probe.facts import Cause, Known, Missing

_Answer = TypeVar("_Answer")
_CAUSES = {
    "twilio-20003": Cause.CREDENTIALS,
    "twilio-20005": Cause.INACTIVE,
    "twilio-20006": Cause.FORBIDDEN,
    "twilio-20403": Cause.FORBIDDEN,
    "twilio-403": Cause.FORBIDDEN,
    "twilio-20404": Cause.NOT_FOUND,
    "twilio-404": Cause.NOT_FOUND,
    "no-credentials": Cause.CREDENTIALS,
}


class Asker(Protocol):
    """Twilio, as the probe needs it: `workers.twilio_client.TwilioApi`."""

    async def ask(self, account: Account, question: Callable[[Any], Awaitable[_Answer]]) -> _Answer:
        """Raises TransientError, PermanentError (AccountError too) or OutcomeUnknownError."""
        ...


class Fetcher:
    """Asks for one account until a deadline (seconds of the running loop's clock)."""

    def __init__(self, twilio: Asker, account: Account, *, deadline: float) -> None:
        self.account = account
        self._twilio = twilio
        self._deadline = deadline

    async def ask(self, question: Callable[[Any], Awaitable[_Answer]]) -> Known[_Answer]:
        """What Twilio says, or why it does not."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._twilio.ask(self.account, question)
        except TimeoutError:
            return Missing(cause=Cause.UNREACHABLE, words="Twilio did not answer in time")
        except PermanentError as error:
            return Missing(cause=_CAUSES.get(error.code, Cause.REFUSED), words=str(error))
        except (TransientError, OutcomeUnknownError) as error:
            return Missing(cause=Cause.UNREACHABLE, words=str(error))
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # not Twilio's form of an answer
            return Missing(cause=Cause.REFUSED, words=f"the answer was not understood: {type(error).__name__}")
