"""Ruling 13: a sandbox refuses a Redis that holds real lanes, under whatever prefix, and knows its own keys."""

import pytest

from cli.sandbox_home import PREFIX
from cli.strangers import looks_real
from shared.keys import Keys, Stage, conversation_id

REAL = Keys("tg:")


@pytest.mark.parametrize(
    "key",
    [
        REAL.lane(Stage.AGENT, "abc").list,
        REAL.queue("outbound"),
        REAL.conversation(conversation_id("default", "+12025550123")),
        REAL.approved("default"),
        REAL.opted_out("default"),
        Keys("prod-sms:").lane(Stage.OUTBOUND, "abc").list,
        Keys("").approved("default"),
        f"arq:job:{REAL.lane(Stage.FORMAT, 'abc').list}:17",
    ],
)
def test_a_real_gateway_is_recognised(key: str) -> None:
    assert looks_real(key, own_prefix=PREFIX)


OWN = Keys(PREFIX)


@pytest.mark.parametrize(
    "key",
    [
        OWN.lane(Stage.AGENT, "abc").list,
        OWN.approved("sandbox"),
        f"arq:job:{OWN.lane(Stage.FORMAT, 'abc').list}:17",
        f"arq:in-progress:{OWN.lane(Stage.FORMAT, 'abc').list}:17",
        "session:42",
        "chat:conversation:42",
        "celery",
    ],
)
def test_its_own_keys_and_those_of_other_programs_are_not(key: str) -> None:
    assert not looks_real(key, own_prefix=PREFIX)
