"""What became of a webhook or callback that the sandbox posted: every try, and Twilio's error code for the whole."""

from enum import Enum

from msgspec import Struct


class Failure(Enum):
    """Why a try did not get a good answer, in the words of the `rp` connection override."""

    CONNECT = "ct"
    READ = "rt"
    """Slow, or cut off before the answer was complete."""
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    OTHER_STATUS = "other"
    """An answer that is neither good nor an error, such as a redirect. No override names it."""


class Attempt(Struct, frozen=True, kw_only=True):
    """One try. `status` is the HTTP status, None if no answer came."""

    url: str
    status: int | None = None
    failure: Failure | None = None


class PostResult(Struct, frozen=True, kw_only=True):
    """All tries of one post, in order. None at all: the sandbox refused to post there, `refused` says why."""

    attempts: tuple[Attempt, ...] = ()
    refused: str = ""

    @property
    def status(self) -> int | None:
        """The HTTP status of the last try."""
        return self.attempts[-1].status if self.attempts else None

    @property
    def good(self) -> bool:
        """True if the last try was answered with a 2xx."""
        return bool(self.attempts) and self.attempts[-1].failure is None

    @property
    def error_code(self) -> int | None:
        """11205 could not connect, 11200 any other failure. Source: twilio.com/docs/api/errors/11200."""
        if self.good or not self.attempts:
            return None
        return 11205 if self.attempts[-1].failure is Failure.CONNECT else 11200
