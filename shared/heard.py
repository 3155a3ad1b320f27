"""Which texts are no talk but a keyword: STOP, START, HELP. Pure decisions from the form's fields.

Twilio's own word (`OptOutType`) goes first; without it the whole body must be one keyword, whatever its case and the
blanks around it. `STOP!` and `please stop` are texts: Twilio blocks for single words only.
"""

import re

import msgspec

from shared.gate import Keyword
from shared.keywords import FRENCH_HELP_WORDS, HELP_WORDS, START_WORDS, STOP_WORDS, fold
from shared.optout import Cause
from shared.settings import Account

_TOLL_FREE = re.compile(r"\+18(?:00|33|44|55|66|77|88)[0-9]{7}")
"""Source: the toll-free codes of the North American Numbering Plan, from 800 to 833."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword, and how it was known."""

    keyword: Keyword
    cause: Cause = Cause.KEYWORD


def decide_keyword(fields: dict[str, str], account: Account) -> Heard:
    """What the text means besides its words."""
    said = fields.get("OptOutType", "").lower()
    if said in ("stop", "start", "help"):
        return Heard(keyword=Keyword(said), cause=Cause.OPT_OUT_TYPE)
    return Heard(keyword=_keyword_of(fold(fields.get("Body", "")), account, to=fields.get("To", "")))


def _keyword_of(word: str, account: Account, *, to: str) -> Keyword:
    if word in STOP_WORDS or word in account.opt_out.stop_words:
        return Keyword.STOP
    if word in START_WORDS:
        # The network behind a toll-free number knows no YES: the block would stay, and each answer fail with 21610.
        # Source: Twilio, "Opt-out keyword handling (SMS STOP filtering) for Toll-Free SMS".
        return Keyword.NONE if word == "yes" and _TOLL_FREE.fullmatch(to) else Keyword.START
    if word in HELP_WORDS or (account.opt_out.reply and word in FRENCH_HELP_WORDS):
        return Keyword.HELP
    return Keyword.NONE
