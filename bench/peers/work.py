"""What every peer does at each hop: as little as there can be, so its queue is measured.

No policy, no order, no journal, no formatting: whatever a peer does faster, it does with none of Textgate's promises.
"""

import os
from collections.abc import Mapping

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "")
API_BASE = os.environ.get("BENCH_API_BASE", "")
PATH = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json"


def agent(text: dict[str, str]) -> dict[str, str]:
    """Echo."""
    return {"To": text["From"], "From": text["To"], "Body": text["Body"]}


def format_reply(reply: dict[str, str]) -> dict[str, str]:
    """One part, as it is."""
    return {**reply, "Body": reply["Body"].strip()}


def text_of(form: Mapping[str, str]) -> dict[str, str]:
    """What is handed on of a webhook."""
    return {"From": form["From"], "To": form["To"], "Body": form["Body"]}
