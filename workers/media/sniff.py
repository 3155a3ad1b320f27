"""What a file is, by its first bytes: neither its name nor what a sender says of it counts. Pure.

The table holds what phones send and what Twilio carries. Sources: Twilio, "Accepted content types for media"; the magic
numbers stand in the formats' own specifications.
"""

import codecs

import msgspec

HEAD_BYTES = 512
"""So much of a file is looked at."""


class FileType(msgspec.Struct, frozen=True):
    """A kind of file, and the extension that we give it."""

    content_type: str
    extension: str

    @property
    def family(self) -> str:
        """`image`, `audio`, `video`, `text` or `application`."""
        return self.content_type.partition("/")[0]


JPEG, PNG, GIF = FileType("image/jpeg", ".jpg"), FileType("image/png", ".png"), FileType("image/gif", ".gif")
PLAIN, MARKUP = FileType("text/plain", ".txt"), FileType("text/html", ".html")
UNKNOWN = FileType("application/octet-stream", ".bin")

_STARTS: tuple[tuple[bytes, FileType], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", FileType("image/tiff", ".tif")),
    (b"MM\x00*", FileType("image/tiff", ".tif")),
    (b"#!AMR", FileType("audio/amr", ".amr")),
    (b"OggS", FileType("audio/ogg", ".ogg")),
    (b"ID3", FileType("audio/mpeg", ".mp3")),
    (b"\xff\xfb", FileType("audio/mpeg", ".mp3")),
    (b"\xff\xf3", FileType("audio/mpeg", ".mp3")),
    (b"\xff\xf1", FileType("audio/aac", ".aac")),
    (b"\xff\xf9", FileType("audio/aac", ".aac")),
    (b"\x1aE\xdf\xa3", FileType("video/webm", ".webm")),
    (b"%PDF-", FileType("application/pdf", ".pdf")),
    (b"BEGIN:VCARD", FileType("text/vcard", ".vcf")),
    (b"BEGIN:VCALENDAR", FileType("text/calendar", ".ics")),
)
_RIFF = {
    b"WEBP": FileType("image/webp", ".webp"),
    b"WAVE": FileType("audio/wav", ".wav"),
    b"AVI ": FileType("video/x-msvideo", ".avi"),
}
_BRANDS: tuple[tuple[bytes, FileType], ...] = (
    (b"hei", FileType("image/heic", ".heic")),
    (b"hev", FileType("image/heic", ".heic")),
    (b"mif1", FileType("image/heif", ".heif")),
    (b"avi", FileType("image/avif", ".avif")),
    (b"qt", FileType("video/quicktime", ".mov")),
    (b"3g", FileType("video/3gpp", ".3gp")),
    (b"M4A", FileType("audio/mp4", ".m4a")),
    (b"", FileType("video/mp4", ".mp4")),
)
"""The first brand of an ISO media file (`ftyp`)."""

_TEXT_CONTROLS = frozenset(b"\t\n\f\r\x1b")


def sniff(head: bytes) -> FileType:
    """What begins like this; `UNKNOWN` for what is not in the table. Of text that begins with `<`: `MARKUP`."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return next(kind for brand, kind in _BRANDS if head[8:12].startswith(brand))
    if not _is_text(head):
        return UNKNOWN
    return MARKUP if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<") else PLAIN


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its last character may be cut off
    except UnicodeDecodeError:
        return False
    return bool(head)
