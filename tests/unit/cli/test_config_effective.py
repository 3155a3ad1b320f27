"""What `config get` shows of the fixed texts: the words that people would get."""

from pathlib import Path

import pytest

from cli.config_effective import effective_values
from shared.config_shape import parse_section
from shared.settings import ConfigDocument, load_settings
from shared.texts import TextKey, phrases


def test_the_texts_in_force_are_shown(tmp_path: Path) -> None:
    raw = {"channels": {"sms": {"accountSid": "AC1", "authToken": "t", "fromNumber": "+15551234567", "language": "de"}}}
    file = tmp_path / "textgate.json5"
    file.write_text(str(raw).replace("'", '"'))
    shown = effective_values(parse_section(raw, ConfigDocument), load_settings(file, {"HOME": str(tmp_path)}))
    assert shown["channels"]["sms"]["language"] == "de"
    assert shown["channels"]["sms"]["texts"] == {key.value: text for key, text in phrases("de").items()}
    assert shown["agent"]["apology"] == phrases("de")[TextKey.APOLOGY]


def test_a_base_block_that_is_no_account_shows_only_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, {"HOME": str(tmp_path)})
    document = parse_section({"channels": {"sms": {"texts": {"new": None}}}}, ConfigDocument)
    assert effective_values(document, settings)["channels"]["sms"]["texts"] == {"new": None}
    assert effective_values(document, settings)["agent"]["apology"] == phrases("en")[TextKey.APOLOGY]
