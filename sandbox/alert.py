"""An alert as Twilio's debugger keeps it: a webhook that failed, or a request that was refused.

Source: twilio.com/docs/usage/monitor-alert.
"""

from msgspec import Struct


class Alert(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alert; `at` is Unix seconds, 0 for now."""

    account_sid: str
    error_code: int
    request_url: str = ""
    request_method: str = "POST"
    resource_sid: str = ""
    """The message that it is about."""
    log_level: str = "error"
    sid: str = ""
    """Empty: one is made."""
    at: float = 0.0
