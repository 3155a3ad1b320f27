"""The running API against its own description: hundreds of requests, good and bad, none of which may surprise it.

Schemathesis makes them from `/v1/openapi.json`, always the same ones: examples, every boundary of every field, random
documents, and chains that follow the links of one answer to the next request.
"""

import asyncio
import sys
from pathlib import Path

from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.keys import Keys, Stage
from tests.integration.api.conftest import TOKEN, served

SEED = 4711
MAX_EXAMPLES = 60
LIMIT_S = 100.0

CONFIG = """
[checks]
# What a schema cannot say: a number that fits the pattern may be of no country, an account may be unknown (400); no
# message may have the id (404); another body may have used the key (422); it may be too late to cancel (409).
positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "422"]
"""


async def schemathesis(folder: Path, url: str, *options: str) -> tuple[int | None, str]:
    """Run it against the API; its exit status and report."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/v1/openapi.json", *options),
        *("--generation-database", "none", "--mode", "all", "--checks", "all", "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode()


async def test_the_api_is_what_its_description_says(tmp_path: Path, redis_url: str, redis: Redis, keys: Keys) -> None:
    with capture_logs() as events:
        async with served(redis_url) as url:
            status, report = await schemathesis(
                tmp_path,
                url,
                *("--header", f"Authorization: Bearer {TOKEN}", "--seed", str(SEED)),
                *("--max-examples", str(MAX_EXAMPLES)),
            )
    assert status == 0, report
    seen = {event["status"] for event in events if event["event"] == "api_request"}
    assert {200, 202, 400, 401, 404} <= seen, "it has been everywhere"
    assert await redis.zcard(keys.queue(Stage.FORMAT)) > 0, "some messages were stored"
