"""Why a connection was not made, in words that say where to look. Pure."""

import socket
import ssl
from collections.abc import Iterator

_MOST_CAUSES = 10


def why_unreached(error: BaseException) -> str:
    """What was in the way: the plainest cause among the error and what led to it, else the error's own words."""
    for cause in _causes(error):
        said = _in_words(cause)
        if said:
            return said
    return str(error) or type(error).__name__


def _in_words(error: BaseException) -> str:
    match error:
        case socket.gaierror():
            return "its name could not be looked up (DNS)"
        case ConnectionRefusedError():
            return "nothing listens there"
        case FileNotFoundError():
            return "there is no such socket"
        case ssl.SSLCertVerificationError():
            return f"its certificate does not pass: {error.verify_message}"
        case ssl.SSLError():
            return "no TLS connection came about"
        case TimeoutError():
            return "no answer in time"
        case _:
            return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, then what raised it, and so on; a circle ends."""
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__
