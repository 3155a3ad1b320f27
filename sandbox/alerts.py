"""Raises alerts, and shows them as Twilio's Monitor API does.

Source: twilio.com/docs/usage/monitor-alert. The list is newest first and filters by level and time.
"""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from sandbox.alert import Alert
from sandbox.message import API_VERSION, Message, new_sid
from sandbox.state import SandboxState

MONITOR = "https://monitor.twilio.com/v1"


def raise_alert(state: SandboxState, message: Message, *, error_code: int, url: str, method: str) -> None:
    """Note that a webhook of this message failed."""
    add_alert(
        state,
        Alert(
            account_sid=message.account_sid,
            error_code=error_code,
            request_url=url.partition("#")[0],
            request_method=method,
            resource_sid=message.sid,
        ),
    )


def add_alert(state: SandboxState, alert: Alert) -> Alert:
    """Keep an alert, with a SID and a time if it has none."""
    kept = msgspec.structs.replace(alert, sid=alert.sid or new_sid("NO"), at=alert.at or state.now())
    state.alerts.append(kept)
    return kept


def choose_alerts(alerts: list[Alert], *, account_sid: str, params: dict[str, str]) -> list[Alert]:
    """Those that a list request asks for, newest first. Raises ValueError for a date that is none."""
    first, last = _moment(params.get("StartDate")), _moment(params.get("EndDate"))
    level = params.get("LogLevel", "")
    found = [
        alert
        for alert in alerts
        if alert.account_sid == account_sid
        and level in {"", alert.log_level}
        and (first is None or alert.at >= first)
        and (last is None or alert.at <= last)
    ]
    return sorted(found, key=lambda alert: alert.at, reverse=True)


def show_alert(alert: Alert) -> dict[str, Any]:
    """The resource as the list gives it."""
    date = datetime.fromtimestamp(alert.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "account_sid": alert.account_sid,
        "alert_text": json.dumps({"sourceComponent": "14100", "ErrorCode": str(alert.error_code)}),
        "api_version": API_VERSION,
        "date_created": date,
        "date_generated": date,
        "date_updated": date,
        "error_code": str(alert.error_code),
        "log_level": alert.log_level,
        "more_info": f"https://www.twilio.com/docs/errors/{alert.error_code}",
        "request_method": alert.request_method,
        "request_url": alert.request_url,
        "resource_sid": alert.resource_sid,
        "service_sid": None,
        "sid": alert.sid,
        "url": f"{MONITOR}/Alerts/{alert.sid}",
    }


def _moment(text: str | None) -> float | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
