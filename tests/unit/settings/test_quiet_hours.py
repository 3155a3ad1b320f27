"""`quietHours`: off until it is set, inherited like every other key, and never half right."""

from datetime import time
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings import QuietHours, Settings, load_settings

BASE = 'accountSid: "AC00000000000000000000000000000000", authToken: "t", fromNumber: "+15550000001"'


def load(folder: Path, more: str) -> Settings:
    file = folder / "textgate.json5"
    file.write_text(f"{{channels: {{sms: {{{BASE}, {more}}}}}}}")
    return load_settings(file, {})


def test_an_empty_object_turns_them_on_from_nine_to_eight(tmp_path: Path) -> None:
    assert load(tmp_path, "name: 'x'").accounts["default"].quiet_hours is None
    found = load(tmp_path, "quietHours: {}").accounts["default"].quiet_hours
    assert found == QuietHours(start=time(21), until=time(8), time_zone=QuietHours.RECIPIENT, replies=False)


def test_an_account_has_its_own_or_none(tmp_path: Path) -> None:
    accounts = load(
        tmp_path,
        "quietHours: {from: '22:30', timeZone: ' Europe/Berlin '}, accounts: {"
        "a: {webhookPath: '/a', fromNumber: '+15550000002'},"
        "b: {webhookPath: '/b', fromNumber: '+15550000003', quietHours: null},"
        "c: {webhookPath: '/c', fromNumber: '+15550000004', quietHours: {replies: true}}}",
    ).accounts
    inherited, own = accounts["a"].quiet_hours, accounts["c"].quiet_hours
    assert inherited is not None
    assert (inherited.start, inherited.time_zone) == (time(22, 30), "Europe/Berlin")
    assert accounts["b"].quiet_hours is None
    assert own is not None
    assert own.replies


@pytest.mark.parametrize(
    ("hours", "path", "expected"),
    [
        ("from: '08:00'", "quietHours.to", "the same as from"),
        ("timeZone: 'Berlin'", "quietHours.timeZone", "an IANA zone such as Europe/Berlin"),
        ("from: '9pm'", "quietHours.from", "a time of day such as 21:00"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, hours: str, path: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as refused:
        load(tmp_path, f"quietHours: {{{hours}}}")
    assert refused.value.path == f"channels.sms.{path}"
