"""The sandbox shares no code with what it tests: it imports none of our other packages and no Twilio code."""

import subprocess
import sys

PROGRAM = """
import sys
import sandbox.server
print(sorted({name.partition(".")[0] for name in sys.modules} & {"shared", "ingress", "workers", "cli", "twilio"}))
"""


def test_it_imports_nothing_of_the_product_and_nothing_of_twilio() -> None:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
