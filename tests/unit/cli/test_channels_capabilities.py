"""`channels capabilities` promises what the code does, and nothing more."""

import json

from cli.channels_capabilities import CAPABILITIES, describe
from shared.records import Part, Reply
from workers.agents.contract import Text


def test_media_are_promised_only_when_records_carry_them() -> None:
    assert CAPABILITIES["media"]["outbound"] == any("media" in each.__struct_fields__ for each in (Reply, Part))
    assert not CAPABILITIES["media"]["inbound"] or "media" in Text.__struct_fields__


def test_the_numbers_are_those_of_the_code() -> None:
    assert CAPABILITIES["text"]["chunkLimit"] == {"default": 1500, "max": 1600, "key": "textChunkLimit"}
    assert CAPABILITIES["pairing"] | {"notify": True} == {
        "supported": True,
        "codeLength": 8,
        "validSeconds": 3600,
        "maxPending": 3,
        "notify": True,
    }
    assert CAPABILITIES["policies"] == ["pairing", "allowlist", "open", "disabled"]
    assert {"delivered", "undelivered", "failed"} <= set(CAPABILITIES["delivery"]["final"])


def test_people_read_words_and_programs_json() -> None:
    lines = list(describe(CAPABILITIES))
    assert "  inbound: yes" in lines
    assert "channel: sms" in lines
    assert not any("True" in line or "{" in line for line in lines)
    assert json.loads(json.dumps(CAPABILITIES)) == CAPABILITIES
