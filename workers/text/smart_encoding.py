"""Typographic characters become GSM-7 ones, so that one curly quote does not triple the bill.

Source: "List of characters replaced by Smart Encoding",
https://www.twilio.com/docs/messaging/services/smart-encoding-char-list, and the same table in Twilio's segment
calculator (npm sms-segments-calculator 1.3.0, SmartEncodingMap). One difference: where the
calculator's table puts two blanks for one wide or non-breaking blank, one is put here.
"""

import unicodedata

from workers.text.segments import NON_GSM
from workers.text.urls import find_urls

_PUBLISHED: dict[str, str] = {
    '"': "\u00ab\u00bb\u201c\u201d\u02ba\u02ee\u201f\u275d\u275e\u301d\u301e\uff02\u201e",
    "'": "\u2018\u2019\u02bb\u02c8\u02bc\u02bd\u02b9\u201b\uff07\u00b4\u02ca\u0060\u02cb\u275b\u275c\u0313\u0314"
    "\ufe10\ufe11",
    "/": "\u00f7\u29f8\u0337\u0338\u2044\u2215\uff0f",
    "1/4": "\u00bc",
    "1/2": "\u00bd",
    "3/4": "\u00be",
    "\\": "\u29f9\u29f5\u20e5\ufe68\uff3c",
    "_": "\u0332\uff3f\u2017",
    "|": "\u20d2\u20d3\u2223\uff5c\u23b8\u23b9\u23d0\u239c\u239f",
    "-": "\u23bc\u23bd\u2015\ufe63\uff0d\u2010\u2043\u2014\u2013\u2022",
    "@": "\ufe6b\uff20",
    "$": "\ufe69\uff04",
    "!": "\u01c3\ufe15\ufe57\uff01",
    "!!": "\u203c",
    "#": "\ufe5f\uff03",
    "%": "\ufe6a\uff05",
    "&": "\ufe60\uff06",
    ",": "\u201a\u0326\ufe50\ufe51\uff0c\uff64\u3001",
    "(": "\u2768\u276a\ufe59\uff08\u27ee\u2985",
    ")": "\u2769\u276b\ufe5a\uff09\u27ef\u2986",
    "*": "\u204e\u2217\u229b\u2722\u2723\u2724\u2725\u2731\u2732\u2733\u273a\u273b\u273c\u273d\u2743\u2749\u274a"
    "\u274b\u29c6\ufe61\uff0a",
    "+": "\u02d6\ufe62\uff0b",
    ".": "\u3002\ufe52\uff0e\uff61",
    "...": "\u2026",
    ":": "\u02d0\u02f8\u2982\ua789\ufe13\uff1a",
    ";": "\u204f\ufe14\ufe54\uff1b",
    "<": "\ufe64\uff1c\u2039",
    "=": "\u0347\ua78a\ufe66\uff1d",
    ">": "\ufe65\uff1e\u203a",
    "?": "\ufe16\ufe56\uff1f",
    "^": "\u02c6\u0302\uff3e\u1dcd",
    "{": "\u2774\ufe5b\uff5b",
    "}": "\u2775\ufe5c\uff5d",
    "[": "\uff3b",
    "]": "\uff3d",
    "~": "\u02dc\u02f7\u0303\u0330\u0334\u223c\uff5e",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u2028\u2029"
    "\u0080\u008d\u0090\u009b\u009f",
    "       ": "\t",
    "": "\u0000\u0003\u0004\u0010\u0011\u0012\u0013\u0014\u0017\u0019\u200b\u2060\ufeff",
}
_PUBLISHED_LETTERS: dict[str, str] = {
    "A": "\uff21\u1d00",
    "B": "\uff22\u0299",
    "C": "\uff23\u1d04",
    "D": "\uff24\u1d05",
    "E": "\uff25\u1d07",
    "F": "\uff26\ua730",
    "G": "\uff27\u0262",
    "H": "\uff28\u029c",
    "I": "\uff29\u026a",
    "J": "\uff2a\u1d0a",
    "K": "\uff2b\u1d0b",
    "L": "\uff2c\u029f",
    "M": "\uff2d\u1d0d",
    "N": "\uff2e\u0274",
    "O": "\uff2f\u1d0f",
    "P": "\uff30\u1d18",
    "Q": "\uff31",
    "R": "\uff32\u0280",
    "S": "\uff33\ua731",
    "T": "\uff34\u1d1b",
    "U": "\uff35\u1d1c",
    "V": "\uff36\u1d20",
    "W": "\uff37\u1d21",
    "X": "\uff38",
    "Y": "\uff39\u028f",
    "Z": "\uff3a\u1d22",
} | {str(digit): chr(0xFF10 + digit) for digit in range(10)}

# Not in Twilio's list, but what language models like to write: non-breaking hyphen, figure dash, minus, soft
# hyphen, primes, and the zero-width non-joiner, which only the calculator's table has.
_OURS: dict[str, str] = {"-": "\u2011\u2012\u2212", "": "\u00ad\u200c", "'": "\u2032", '"': "\u2033"}

PUBLISHED = {char: to for group in (_PUBLISHED, _PUBLISHED_LETTERS) for to, chars in group.items() for char in chars}
"""Twilio's list: character to replacement."""

_TABLE = str.maketrans(PUBLISHED | {char: to for to, chars in _OURS.items() for char in chars})


def smart_encode(text: str) -> str:
    """Text with its typographic characters replaced, line by line, wherever that makes the line GSM-7.

    All or nothing per line: a line with an emoji or in another script is UCS-2 anyway, so replacing its dashes
    or its fullwidth commas would spoil it and save nothing. URLs stay as they are.
    """
    if NON_GSM.search(text) is None:
        return text
    return "\n".join(map(_encode_line, text.split("\n")))


def transliterate(text: str) -> str:
    """Text with every character of the table replaced, URLs included: a form to compare two bodies by.

    Composed first: `e` with a combining acute is the GSM-7 letter, not a letter and a mark of its own.
    """
    return unicodedata.normalize("NFC", text).translate(_TABLE)


def _encode_line(line: str) -> str:
    if NON_GSM.search(line) is None:
        return line
    pieces: list[str] = []
    position = 0
    for start, end in find_urls(line):
        pieces += [transliterate(line[position:start]), line[start:end]]
        position = end
    pieces.append(transliterate(line[position:]))
    encoded = "".join(pieces)
    return line if NON_GSM.search(encoded) else encoded
