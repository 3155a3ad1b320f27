"""What an agent gave back becomes texts and media: checked, cleaned and bounded, whatever it was. Pure.

The bounds keep a slip of an agent's from becoming a bill: the characters of all texts together are
`agent.maxReplyCharacters`; texts after the tenth go into the tenth, since each text costs at least one SMS.
"""

import base64
import itertools
from collections.abc import Iterable, Iterator, Sequence
from types import UnionType
from typing import Any

import msgspec

from shared.media_urls import MAX_MEDIA, BadMediaError, check_media
from workers.agents.contract import File, Reply

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
    files: tuple[File, ...] = ()
    """Those that are no URLs yet; see `workers/media/hosting.py`."""
    left_out: tuple[str, ...] = ()
    """What was left out and why, for the log; without any of the words."""

    def __bool__(self) -> bool:
        return bool(self.texts or self.media or self.files)


def said_of(answer: object, *, max_characters: int, loopback: bool = False, paths: bool = False) -> Said:
    """The answer's texts and media. Raises TypeError, with what is allowed, for what is no answer.

    `loopback`: Twilio is a stand-in on this machine, so media may lie here too. `paths`: media may name files.
    """
    reply = answer if isinstance(answer, Reply) else Reply(texts=() if answer is None else answer)  # type: ignore[arg-type]
    texts = tuple(text for text in map(clean, _strings(reply.texts)) if text.strip())
    kept, was_cut = bounded(texts, max_characters)
    media, files, refused = _media(_items(reply.media, str | File), loopback=loopback, paths=paths)
    left_out = ["text over agent.maxReplyCharacters"] if was_cut else []
    left_out += (
        [f"{refused} media that are no public https URLs, no files that may be sent, or too many"] if refused else []
    )
    return Said(texts=kept, media=media, files=files, left_out=tuple(left_out))


def clean(text: str) -> str:
    """A plain string that can be stored: half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    plain = str.__str__(text)
    return plain if plain.isascii() else plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def bounded(texts: Sequence[str], max_characters: int) -> tuple[tuple[str, ...], bool]:
    """The texts within the bounds, and whether anything was cut off."""
    if len(texts) > MAX_TEXTS:
        texts = (*texts[: MAX_TEXTS - 1], "\n".join(texts[MAX_TEXTS - 1 :]))
    kept: list[str] = []
    left = max_characters
    for text in texts:
        if len(text) > left:
            while left <= len(CUT_MARK) and kept:  # the mark needs room, too
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
    return _items(given, str)


def _items(given: object, kind: type[str] | UnionType) -> Iterator[Any]:
    if isinstance(given, kind):
        yield given
        return
    if not isinstance(given, Sequence):
        raise TypeError(f"{_ALLOWED} {type(given).__name__}")
    for item in itertools.islice(iter(given), _MOST_ITEMS):
        if not isinstance(item, kind):
            raise TypeError(f"{_ALLOWED} {type(given).__name__} with {type(item).__name__} in it")
        yield item


def _media(
    given: Iterable[str | File], *, loopback: bool, paths: bool
) -> tuple[tuple[str, ...], tuple[File, ...], int]:
    """URLs, files, and how many were refused."""
    urls: list[str] = []
    files: list[File] = []
    refused = 0
    for item in given:
        found = item if isinstance(item, File) else _file_of(clean(item).strip(), paths=paths)
        if len(urls) + len(files) == MAX_MEDIA:
            refused += 1
        elif found is not None:
            files.append(found)
        elif isinstance(item, str) and _is_sendable(clean(item).strip(), loopback=loopback):
            urls.append(clean(item).strip())
        else:
            refused += 1
    return tuple(urls), tuple(files), refused


def _file_of(word: str, *, paths: bool) -> File | None:
    """The file that a string means, if it means one."""
    if word.startswith("data:"):
        head, _, data = word.partition(",")
        try:
            return File(content=base64.b64decode(data, validate=True)) if head.endswith(";base64") else None
        except ValueError:
            return None
    return File(path=word) if paths and word and "://" not in word else None


def _is_sendable(url: str, *, loopback: bool) -> bool:
    try:
        check_media((url,), loopback=loopback)
    except BadMediaError:
        return False
    return url.isascii()
