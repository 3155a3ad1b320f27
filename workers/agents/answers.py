"""What an agent gave back becomes texts and media: checked, cleaned and bounded, whatever it was. Pure.

The bounds keep a slip of an agent's from becoming a bill: the characters of all texts together are
`agent.maxReplyCharacters`; texts after the tenth go into the tenth, since each text costs at least one SMS.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from shared.media_urls import MAX_MEDIA, BadMediaError, check_media
from workers.agents.contract import Reply

MAX_TEXTS = 10
CUT_MARK = " [...]"
"""In the plain alphabet: it must not make the last part cost double."""

_ALLOWED = "an agent answers with a str, a list of str, a Reply, or None; this one gave"
_MOST_ITEMS = 10_000
"""More are not even looked at: a list may have no end."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as the pipeline takes it."""

    texts: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """What was left out and why, for the log; without any of the words."""

    def __bool__(self) -> bool:
        return bool(self.texts or self.media)


def said_of(answer: object, *, max_characters: int, loopback: bool = False) -> Said:
    """The answer's texts and media. Raises TypeError, with what is allowed, for what is no answer.

    `loopback`: Twilio is a stand-in on this machine, so media may lie here too.
    """
    reply = answer if isinstance(answer, Reply) else Reply(texts=() if answer is None else answer)  # type: ignore[arg-type]
    texts = tuple(text for text in map(clean, _strings(reply.texts)) if text.strip())
    kept, was_cut = bounded(texts, max_characters)
    media, refused = _media(_strings(reply.media), loopback=loopback)
    left_out = ["text over agent.maxReplyCharacters"] if was_cut else []
    left_out += [f"{refused} media that are no public https URLs, or too many"] if refused else []
    return Said(texts=kept, media=media, left_out=tuple(left_out))


def clean(text: str) -> str:
    """A plain string that can be stored: half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    return str.__str__(text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def bounded(texts: Sequence[str], max_characters: int) -> tuple[tuple[str, ...], bool]:
    """The texts within the bounds, and whether anything was cut off."""
    if len(texts) > MAX_TEXTS:
        texts = (*texts[: MAX_TEXTS - 1], "\n".join(texts[MAX_TEXTS - 1 :]))
    kept: list[str] = []
    left = max_characters
    for text in texts:
        if len(text) > left:
            if left <= len(CUT_MARK) and kept:  # the mark needs room, too
                left += len(kept[-1])
                text = f"{kept.pop()} {text}"
            return (*kept, _cut(text, left)), True
        kept.append(text)
        left -= len(text)
    return tuple(kept), False


def _cut(text: str, limit: int) -> str:
    """The beginning of a text, to the end of a word if one is near, with the mark."""
    head = text[: limit - len(CUT_MARK)]
    at = max(head.rfind(" "), head.rfind("\n"))
    return (head[:at] if at > len(head) * 3 // 4 else head).rstrip() + CUT_MARK


def _strings(given: object) -> Iterator[str]:
    if isinstance(given, str):
        yield given
        return
    if not isinstance(given, Sequence):
        raise TypeError(f"{_ALLOWED} {type(given).__name__}")
    for item in itertools.islice(iter(given), _MOST_ITEMS):
        if not isinstance(item, str):
            raise TypeError(f"{_ALLOWED} {type(given).__name__} with {type(item).__name__} in it")
        yield item


def _media(urls: Iterable[str], *, loopback: bool) -> tuple[tuple[str, ...], int]:
    given = [clean(url).strip() for url in urls]
    good = tuple(url for url in given if _is_sendable(url, loopback=loopback))[:MAX_MEDIA]
    return good, len(given) - len(good)


def _is_sendable(url: str, *, loopback: bool) -> bool:
    try:
        check_media((url,), loopback=loopback)
    except BadMediaError:
        return False
    return url.isascii()
