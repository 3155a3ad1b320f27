"""What the log leaves out: lines of libraries that say only that they live, or speak of keys that nobody can press."""

import subprocess
import sys

SAY = """
import logging
from shared.logs import set_up_logs
set_up_logs("worker outbound", as_json=True)
logging.getLogger("arq.worker").info("recording health: %s", "j_complete=0")
logging.getLogger("arq.worker").warning("job %s expired", "x")
logging.getLogger("uvicorn.error").info("Uvicorn running on http://x (Press CTRL+C to quit)")
logging.getLogger("uvicorn.error").error("address already in use")
"""


def test_heartbeats_and_start_lines_are_left_out_and_trouble_is_not() -> None:
    said = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True).stderr
    assert len(said.splitlines()) == 2
    assert "job x expired" in said
    assert "address already in use" in said
