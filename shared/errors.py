"""Every error that Textgate raises on purpose, cut where callers must act differently.

    TextgateError
    ├─ TransientError      the world may heal        -> the schedule tries again
    ├─ PermanentError      trying again cannot help  -> dead letter, with the operator's hint
    ├─ AccountError        the whole account is hit  -> the account is paused, everything is kept
    ├─ OutcomeUnknownError it may have happened      -> reconcile, then decide
    ├─ RejectedError       the caller is wrong       -> an HTTP answer; ingress and API only
    ├─ UsageError          the person at the command line is wrong -> one line, exit status 1
    │  └─ NotUnderstoodError  what they wrote makes no command -> one line, exit status 2
    └─ ConfigError         the configuration is wrong -> one line, exit status 78

    NotNow is not an error: admission control says "come back later", and no attempt is counted.

Anything else that escapes is a bug: the boundary logs the traceback and buries the work as `bug`.
"""

EX_CONFIG = 78
"""Exit status of a refused configuration. Source: sysexits(3), EX_CONFIG."""


class TextgateError(Exception):
    """What we raise on purpose; its text is fit for an operator and holds no secret and no full number."""


class TransientError(TextgateError):
    """The world may heal. `retry_after_s` is the least wait the other side asked for, if it did."""

    def __init__(self, message: str, *, code: str = "transient", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class PermanentError(TextgateError):
    """Trying again cannot help. `code` is machine-readable, `hint` tells the operator what to do."""

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class AccountError(PermanentError):
    """Nothing of this account can be sent until someone repairs it: pause it, keep everything."""


class OutcomeUnknownError(TextgateError):
    """The request may have reached the other side: find out before doing it again."""


class RejectedError(TextgateError):
    """The caller is wrong; `status` is the HTTP status it gets. The text is for the log, not for the caller."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class UsageError(TextgateError):
    """A person's mistake at the command line: one line on stderr that ends with the next step."""


class NotUnderstoodError(UsageError):
    """What stands on the command line makes no command: something is missing, or too much."""


class ConfigError(TextgateError):
    """A setting is wrong: `path` is the full key, `found` what stands there, `expected` what may."""

    def __init__(self, path: str, *, found: str, expected: str) -> None:
        super().__init__(f"{path}: {found}; {expected}" if expected else f"{path}: {found}")
        self.path = path
        self.found = found
        self.expected = expected


class NotNow(Exception):  # noqa: N818 - a refusal, not an error: no attempt is counted
    """Come back in `delay_s` seconds (or at the lane's next signal); `reason` is for the log.

    `forgives`: until now the work was not failing but kept from being tried, so its age starts anew.
    """

    def __init__(self, reason: str, *, delay_s: float, forgives: bool = False) -> None:
        super().__init__(reason)
        self.delay_s = delay_s
        self.forgives = forgives
