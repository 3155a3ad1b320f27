"""The ingress needs none of the heavy libraries: it starts fast and stays small, however many replicas there are."""

import subprocess
import sys

HEAVY = ("twilio.rest", "rich", "openai", "typer", "phonenumbers", "workers", "cli", "sandbox")


def test_the_ingress_imports_none_of_the_heavy_libraries() -> None:
    """They are made impossible to import. (Where rich is installed structlog loads it, but does without.)"""
    block = f"import sys; sys.modules.update(dict.fromkeys({HEAVY!r}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{block}; import ingress.app, ingress.server, ingress.api.routes"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
