"""A value on the command line that does not fit, told in our words: what was found, what is expected, what was meant.

Typer checks values with pydantic and passes its wording on (`Input should be less than or equal to 65535`).
"""

import enum
from typing import Any

import typer
from typer.core import TyperGroup


class PlainMistakes(TyperGroup):
    """The group at the top; it hears of the mistakes of every command below."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises BadParameter in our words."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = in_our_words(error)
            raise


def in_our_words(error: typer.BadParameter) -> str:
    """What to say of a mistake; one that is not pydantic's is said as it is."""
    errors = getattr(error.__cause__, "errors", None)
    if errors is None:
        return error.message
    found, param = str(errors()[0]["input"])[:40], error.param
    kind = getattr(param, "type_descriptor").annotation  # noqa: B009 - typer's, and not in its types
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _no_choice(found, [str(option.value) for option in kind])
    if kind in (int, float):
        number = "a whole number" if kind is int else "a number"
        return f"found {found!r}; expected {number}{_limits(getattr(param, 'min', None), getattr(param, 'max', None))}"
    return error.message


def _no_choice(found: str, options: list[str]) -> str:
    from shared.config_shape import closest  # only after a mistake

    guess = closest(found, options)
    return f"found {found!r}; expected one of {', '.join(options)}{f'; did you mean {guess}?' if guess else ''}"


def _limits(lowest: float | None, highest: float | None) -> str:
    if lowest is None:
        return "" if highest is None else f" up to {highest}"
    return f" from {lowest}" if highest is None else f" from {lowest} to {highest}"
