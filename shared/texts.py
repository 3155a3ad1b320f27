"""The fixed texts that people get: which there are, and what they say in each language. Templates with variables.

The words themselves lie in `phrases/<language>.toml`, one file per language, each with every key; an account picks a
language (`language`) and may say single texts in words of its own (`texts`). Pure, but for reading those files once.
"""

import re
from enum import StrEnum
from functools import cache
from importlib import resources

import msgspec

DEFAULT_LANGUAGE = "en"


class TextKey(StrEnum):
    """One fixed text; the value is its key in `phrases/*.toml` and in the setting `texts`."""

    PAIRING = "pairing"
    """To an unknown sender under the policy `pairing`."""
    PAIRING_REQUEST = "pairingRequest"
    """To the owner, when an unknown sender was given a code (`pairingNotify`)."""
    APPROVED = "approved"
    """To a sender whom the owner approved with `--notify`."""
    APOLOGY = "apology"
    """When a turn has finally failed."""
    WORKING = "working"
    """When a turn takes long."""
    CAP = "cap"
    """When a sender has used up the texts of a day."""
    MEDIA_UNAVAILABLE = "mediaUnavailable"
    """Added to a reply whose attachment could not be sent."""
    HELP = "help"
    """Answer to `/help`."""
    COMMAND_HELP = "commandHelp"
    """What `/help` does, as a line of that answer."""
    COMMAND_NEW = "commandNew"
    COMMAND_STATUS = "commandStatus"
    NEW = "new"
    """Answer to `/new`."""
    STATUS = "status"
    """Answer to `/status`."""
    OPTED_OUT = "optedOut"
    """Answer to STOP, if Twilio does not give it."""
    OPTED_IN = "optedIn"
    """Answer to START, if Twilio does not give it."""
    OPT_HELP = "optHelp"
    """Answer to HELP, if Twilio does not give it."""


_OWN_VARIABLES: dict[TextKey, tuple[str, ...]] = {
    TextKey.PAIRING: ("code", "minutes"),
    TextKey.PAIRING_REQUEST: ("code", "minutes"),
    TextKey.CAP: ("limit",),
    TextKey.HELP: ("commands",),
    TextKey.STATUS: ("remembered", "waiting"),
}
_EVERYWHERE = ("number", "name")

VARIABLES: dict[TextKey, tuple[str, ...]] = {key: (*_OWN_VARIABLES.get(key, ()), *_EVERYWHERE) for key in TextKey}
"""The variables that a text may hold. `{number}`: the person's; `{name}`: the account's label; `{minutes}`: how long
the code is valid; `{commands}`: a line per command; `{remembered}` and `{waiting}`: numbers of texts."""

NEEDED = {TextKey.PAIRING: "code", TextKey.PAIRING_REQUEST: "code"}
"""A text that is of no use without this variable."""

_VARIABLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of one account."""

    language: str = DEFAULT_LANGUAGE
    """One of `languages()`."""
    own: dict[TextKey, str | None] = {}
    """Templates of the account's own, checked by `check_template`; None: say nothing."""
    name: str = ""
    """Fills `{name}`."""

    def template(self, key: TextKey) -> str | None:
        """The text with its variables; None: say nothing."""
        return self.own[key] if key in self.own else phrases(self.language)[key]

    def say(self, key: TextKey, **values: str | int) -> str | None:
        """The text with its variables filled in; None: say nothing.

        `values`: those of `VARIABLES[key]` but `name`. What they hold is never taken for a variable again.
        """
        template = self.template(key)
        return None if template is None else fill(template, values | {"name": self.name})


def fill(template: str, values: dict[str, str | int]) -> str:
    """Put the values in place of `{…}`; `{{` and `}}` are single braces. Raises KeyError for a value not given."""
    return _VARIABLE.sub(lambda found: str(values[found[1]]) if found[1] is not None else found[0][0], template)


def variables_of(template: str) -> tuple[str, ...]:
    """The names that stand in braces, in their order."""
    return tuple(found[1] for found in _VARIABLE.finditer(template) if found[1] is not None)


def check_template(key: TextKey, template: str) -> None:
    """Raises ValueError with what is expected, if `template` is blank or holds a variable that `key` does not have."""
    shown = ", ".join(f"{{{name}}}" for name in VARIABLES[key])
    if not template.strip():
        raise ValueError("expected words; null = say nothing")
    for name in variables_of(template):
        if name not in VARIABLES[key]:
            raise ValueError(f"there is no variable {{{name[:40]}}}; expected only {shown}, and {{{{ for a brace")
    needed = NEEDED.get(key)
    if needed is not None and needed not in variables_of(template):
        raise ValueError(f"expected {{{needed}}} in it")


def languages() -> dict[str, str]:
    """The languages that are shipped, tag -> its own name for itself."""
    return {tag: _load(tag)["name"] for tag in _tags()}


@cache
def phrases(language: str) -> dict[TextKey, str]:
    """Every text in one of `languages()`."""
    return {key: _load(language)[key] for key in TextKey}


def find_language(tag: str) -> str:
    """The shipped language for a BCP 47 tag: `pt-BR` and `PT` are `pt`. Raises ValueError with what is expected.

    Source: RFC 4647, section 3.4: subtags are taken off the end until one is found.
    """
    if _TAG.fullmatch(tag):
        subtags = tag.lower().split("-")
        for length in range(len(subtags), 0, -1):
            if (found := "-".join(subtags[:length])) in _tags():
                return found
    raise ValueError(_expected_language(tag))


def _expected_language(tag: str) -> str:
    from difflib import get_close_matches  # only after a mistake

    shipped = {name.lower(): found for found, name in languages().items()} | _ENGLISH_NAMES
    near = get_close_matches(tag.lower(), [*shipped, *_tags()], n=1, cutoff=0.6)
    start = re.split("[-_]", tag.lower())[0]
    guess = start if start in _tags() else shipped.get(near[0], near[0]) if near else None
    known = f"expected a language tag: one of {', '.join(_tags())}, with or without a region"
    return f"{known}; did you mean {guess}?" if guess else known


_ENGLISH_NAMES = {
    "english": "en",
    "spanish": "es",
    "french": "fr",
    "german": "de",
    "portuguese": "pt",
    "hindi": "hi",
    "chinese": "zh",
    "japanese": "ja",
    "korean": "ko",
}


@cache
def _tags() -> tuple[str, ...]:
    folder = resources.files("shared") / "phrases"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


@cache
def _load(language: str) -> dict[str, str]:
    import tomllib  # not for `textgate --help`

    return tomllib.loads((resources.files("shared") / "phrases" / f"{language}.toml").read_text(encoding="utf-8"))
