"""`channels status` shows where secrets come from and never what they are, and no number in full."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.channels_live import AccountFacts, LiveFacts, StageFacts
from cli.channels_status import Ingress, Status, as_json, describe, direction
from shared.keys import Stage
from shared.phone import Address
from shared.records import Pause
from shared.secrets import Secret
from shared.settings import Account, DmPolicy, Settings

DOC = (Path(__file__).parents[3] / "docs/cli.md").read_text()
ACCOUNT = Account(
    id="default",
    account_sid="AC00000000000000000000000000000000",
    auth_token=Secret("canary-token", origin="env TWILIO_AUTH_TOKEN"),
    api_key_sid="SK00000000000000000000000000000000",
    api_key_secret=Secret("canary-key", origin="file /run/secrets/key"),
    webhook_signing_keys={"webhooks_sharedkey_1": Secret("canary-shared", origin="plain text")},
    from_number=Address("+15550001111"),
    public_webhook_url="https://sms.example.com/webhooks/sms#rc=3",
    allow_from=frozenset({Address("+15557654321")}),
)
FACTS = AccountFacts(
    pause=Pause(code="21606", message="+15550001111 is not yours", hint="check fromNumber", since_ms=1),
    pairing_pending=2,
    approved=1,
    opted_out=0,
)
LIVE = LiveFacts(
    stages={stage: StageFacts(workers=1, jobs=2, due=1, oldest_ms=61_000) for stage in Stage},
    accounts={"default": FACTS},
    lanes=6,
    dead_letters=3,
)


def status(**facts: Any) -> Status:
    settings = Settings(
        accounts={"default": ACCOUNT},
        default_account_id="default",
        state_dir=Path("/tmp/state"),
        warnings=("channels.sms: +15550001111 looks odd",),
    )
    given: dict[str, Any] = {
        "settings": settings,
        "accounts": [ACCOUNT],
        "live": LIVE,
        "ingress": Ingress(url="http://127.0.0.1:8080", ready=True),
        "trouble": "",
    }
    return Status(**given | facts)


def keys_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_in(inner)


@pytest.mark.parametrize("shown", [status(), status(live=None, trouble="Redis does not answer")])
def test_no_secret_and_no_whole_number_is_shown(shown: Status) -> None:
    text = json.dumps(as_json(shown), ensure_ascii=False) + "\n".join(describe(shown))
    assert "canary" not in text
    assert "5550001111" not in text
    assert "5557654321" not in text
    for said in ("+1555•••1111", "*** (env TWILIO_AUTH_TOKEN)", "*** (file /run/secrets/key)"):
        assert said in text


def test_every_key_of_the_json_is_documented() -> None:
    section = DOC.partition("### textgate channels status")[2]
    names = set(keys_in(as_json(status()))) - {stage.value for stage in Stage} - {"webhooks_sharedkey_1"}
    assert [name for name in sorted(names) if f'"{name}"' not in section] == []


def test_people_see_what_is_wrong_and_what_to_do() -> None:
    stuck = StageFacts(workers=0, jobs=2, due=2, oldest_ms=61_000)
    live = msgspec.structs.replace(LIVE, stages={**LIVE.stages, Stage.AGENT: stuck})
    text = "\n".join(describe(status(live=live)))
    assert "agent: no workers, 2 conversations with work, 2 due, the oldest for 1 min; NOBODY WORKS" in text
    assert "PAUSED since 1970-01-01T00:00:00Z: +1555•••1111 is not yours (21606); check fromNumber" in text
    assert "2 pairing requests to decide: `textgate pairing list`" in text
    assert "dead letters: 3" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "inbound and outbound"),
        ({"public_webhook_url": None}, "outbound only"),
        ({"public_webhook_url": None, "dangerously_disable_signature_validation": True}, "inbound and outbound"),
        ({"enabled": False}, "off"),
    ],
)
def test_what_an_account_does(changes: dict[str, Any], said: str) -> None:
    assert direction(msgspec.structs.replace(ACCOUNT, **changes)) == said


def test_an_account_that_is_off_is_shown_without_secrets() -> None:
    off = msgspec.structs.replace(ACCOUNT, enabled=False, auth_token=None, dm_policy=DmPolicy.DISABLED)
    lines = list(describe(status(accounts=[off], live=None)))
    assert "account default, default: off, policy disabled" in lines
    assert not any("Token" in line for line in lines)
