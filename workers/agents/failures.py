"""What is told of somebody else's error: short, masked, and certain not to raise itself. Pure."""

from shared.phone import mask_numbers

MAX_CHARACTERS = 500


def describe(error: BaseException) -> str:
    """The type and the words of an exception whose `__str__` may be user code too."""
    try:
        words = str(error)
    except BaseException:  # noqa: BLE001 - user code
        words = "its text cannot be read"
    return shorten(f"{type(error).__name__}: {words}" if words else type(error).__name__)


def shorten(text: str, limit: int = MAX_CHARACTERS) -> str:
    """The end of a text, where programs put what matters, in one line and without full phone numbers."""
    line = " ".join(mask_numbers(text[-limit * 4 :]).split())
    fit = line.encode(errors="replace").decode()
    return fit if len(fit) <= limit else f"...{fit[-limit:]}"
