"""What the log leaves out: lines of libraries that say only that they live, or speak of keys that nobody can press."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

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


FAIL = """
from shared.logs import logger, set_up_logs
set_up_logs("ingress", as_json=True)
try:
    raise ValueError("no such number: +12025550123")
except ValueError:
    logger("x").exception("failed", to="+12025550123", count=2)
logger("x").debug("unheard")
"""


def test_a_line_says_who_when_and_how_loud_and_hides_numbers_in_tracebacks_too() -> None:
    said = subprocess.run([sys.executable, "-c", FAIL], capture_output=True, text=True, check=True).stderr
    (line,) = said.splitlines()
    event = json.loads(line)
    assert (event["event"], event["role"], event["level"], event["count"]) == ("failed", "ingress", "error", 2)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(event["timestamp"])) < timedelta(minutes=5)
    assert "ValueError: no such number: " in event["exception"]
    assert "2025550123" not in line


NESTED = """
from shared.logs import logger, set_up_logs
for as_json in (True, False):
    set_up_logs("ingress", as_json=as_json)
    facts = {"people": ["+12025550123"], "answer": {"to": "+12025550124"}, "header": "\\ud800 +12025550125"}
    logger(str(as_json)).warning("asked", **facts)
"""


def test_numbers_are_hidden_inside_of_lists_too_and_the_line_can_be_read() -> None:
    said = subprocess.run([sys.executable, "-c", NESTED], capture_output=True, text=True, check=True).stderr
    as_json, plain = said.splitlines()
    event = json.loads(as_json)
    assert (event["people"], event["answer"]) == (["+1202•••0123"], {"to": "+1202•••0124"})
    assert event["header"] == "\ud800 +1202•••0125"
    assert "2025550" not in plain
    assert plain.count("•••") == 3


def test_a_process_that_stays_up_looks_for_garbage_seldom_and_still_finds_it() -> None:
    program = "import gc; from shared.start_up import collect_seldom; collect_seldom();"
    program += "print(gc.get_freeze_count() > 0, gc.get_threshold()[0], gc.isenabled())"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "20000", "True"]
