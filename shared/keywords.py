"""The words that people text instead of talking: STOP, START, HELP. Tables, and how a body is compared with them. Pure.

Source: Twilio, "Twilio support for opt-out keywords (SMS STOP filtering)", the default keywords of long codes;
"Industry standards for mandatory keyword responses required in Canada" and "How Proxy handles opt-out and opt-in
keywords", the French ones; 47 CFR 64.1200(a)(10), `opt out` as two words.
"""

import unicodedata

STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
    | {"stop all", "opt out", "opt-out"}
    | {"arret", "arrete", "arrett"}
)
START_WORDS = frozenset({"start", "yes", "unstop"})
HELP_WORDS = frozenset({"help", "info"})
FRENCH_HELP_WORDS = frozenset({"aide"})
"""Only if Textgate answers: Twilio does not, so else nobody would."""

LONGEST = 60
"""Characters; a longer body is a text."""


def fold(body: str) -> str:
    """The body as keywords are compared: without case, accents, and blanks around it. Empty: none can be it."""
    body = body.strip()
    if len(body) > LONGEST:
        return ""
    if body.isascii():  # nothing to decompose
        return body.lower()
    plain = unicodedata.normalize("NFKD", body.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char)).casefold().strip()


def check_stop_word(word: str) -> str:
    """Accept a further word for STOP, folded. Raises `ValueError` for one that means something else already."""
    folded = fold(word)
    if not folded:
        raise ValueError(f"expected a word of 1 to {LONGEST} characters")
    if folded in START_WORDS | HELP_WORDS | FRENCH_HELP_WORDS:
        raise ValueError("expected a word that does not mean START or HELP")
    return folded
