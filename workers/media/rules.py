"""What may be fetched, from where, and what is taken for what it says it is. Pure decisions.

A webhook is signed, yet nothing in it is trusted to be a URL that our credentials may go to. Sources: Twilio, "Media
resource" (the URL's form); Twilio serves the file itself from `*.twiliocdn.com`, formerly from a bucket of that name.
"""

import re
from urllib.parse import urlsplit

from workers.media.sniff import MARKUP, PLAIN, UNKNOWN, FileType, sniff

API_HOST = "api.twilio.com"

_MEDIA_URL = re.compile(
    r"https://api\.twilio\.com/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages/([A-Z]{2}[0-9a-fA-F]{32})"
    r"/Media/ME[0-9a-fA-F]{32}",
    re.ASCII,
)
_CDN_SUFFIX = ".twiliocdn.com"
_OLD_CDN = ("s3-external-1.amazonaws.com", "/media.twiliocdn.com/")

_PLAYED = frozenset({"audio", "video"})


class MediaError(Exception):
    """This one cannot be had. The text says why, for the agent and the log; it holds no URL and no number."""


def check_media_url(url: str, *, account_sid: str, message_sid: str) -> str:
    """The URL, if it is that of a file of this very message. Raises MediaError.

    The whole URL must have this one form, so there is no room for user info, ports, dots, escapes or a query.
    """
    match = _MEDIA_URL.fullmatch(url)
    if match is None:
        raise MediaError("its address is not one of Twilio's media")
    if match[1] != account_sid:
        raise MediaError("its address is that of another account")
    if match[2] != message_sid:
        raise MediaError("its address is that of another message")
    return url


def check_redirect(location: str) -> str:
    """Where Twilio sends us, if that is its content network. Raises MediaError."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise MediaError("Twilio redirects to what is no address") from None
    plain = location.isascii() and not any(character <= " " or character == "\\" for character in location)
    if parts.scheme != "https" or port not in (None, 443) or "@" in parts.netloc or not plain:
        raise MediaError("Twilio redirects to an address that is not taken")
    is_old = host == _OLD_CDN[0] and parts.path.startswith(_OLD_CDN[1]) and ".." not in parts.path
    if not host.endswith(_CDN_SUFFIX) and not is_old:
        raise MediaError("Twilio redirects to a host that is not its own")
    return location.partition("#")[0]


def check_content(head: bytes, declared: str) -> FileType:
    """What a file is that begins like this. Raises MediaError if it is nothing, a page, or not what was declared."""
    if not head:
        raise MediaError("it is empty")
    found, family = sniff(head), declared.partition("/")[0].strip().lower()
    if found is MARKUP:
        raise MediaError("it is a page, not a file")
    fits = found.family == family or (found.family in _PLAYED and family in _PLAYED)
    if family in _PLAYED | {"image"} and not fits:
        raise MediaError(f"it was declared as {family}, and is {_name(found)}")
    return found


def _name(found: FileType) -> str:
    return "unknown" if found is UNKNOWN else "text" if found is PLAIN else found.content_type


def in_megabytes(size_bytes: float) -> str:
    """As people write it: `5 MB`."""
    return f"{size_bytes / 1_000_000:g} MB"
