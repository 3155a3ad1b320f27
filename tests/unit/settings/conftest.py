"""What the settings' tests share: one call that writes a configuration file and loads it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from shared.settings import Settings, load_settings


class Load(Protocol):
    """Load a configuration text with an environment of its own."""

    def __call__(self, text: str | bytes, /, **environ: str) -> Settings: ...


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The file is `textgate.json5` under `tmp_path`, private, and the environment is only what a test gives."""

    def load_text(text: str | bytes, /, **environ: str) -> Settings:
        file = tmp_path / "textgate.json5"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(0o600)
        surroundings: Mapping[str, str] = {"HOME": str(tmp_path), **environ}
        return load_settings(file, surroundings)

    return load_text
