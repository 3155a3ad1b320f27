"""The description of the API: complete, valid, and made from the same Structs that decode and encode."""

from typing import Any

import msgspec
import pytest
from schemathesis.specs.openapi import definitions

from ingress.api.openapi import EXAMPLES, openapi_document
from ingress.api.problems import Kind
from ingress.api.wire import Accepted, SendRequest

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(openapi_document()))
OPERATIONS = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
ROUTER_ONLY = {Kind.METHOD_NOT_ALLOWED}
"""No operation answers so: it is the lack of one."""


def test_it_is_openapi_3_1() -> None:
    definitions.OPENAPI_31_VALIDATOR.validate(DOCUMENT)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in ROUTER_ONLY])
def test_every_problem_is_an_answer_of_some_operation(kind: Kind) -> None:
    answers = [operation["responses"].get(str(kind.status), {}) for operation in OPERATIONS]
    assert any(f"`{kind.slug}`" in answer.get("description", "") for answer in answers)


def test_every_refusal_is_a_problem_document() -> None:
    refused = [
        answer
        for operation in OPERATIONS
        for status, answer in operation["responses"].items()
        if not status.startswith("2")
    ]
    for answer in refused:
        assert answer["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_every_operation_needs_a_token() -> None:
    assert DOCUMENT["security"] == [{"bearer": []}]
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert all("security" not in operation and "401" in operation["responses"] for operation in OPERATIONS)


@pytest.mark.parametrize("name", EXAMPLES["send"])
def test_the_examples_are_what_the_api_takes(name: str) -> None:
    msgspec.convert(EXAMPLES["send"][name]["value"], SendRequest)


def test_the_example_of_an_answer_is_one() -> None:
    shown = EXAMPLES["accepted"]
    answer = msgspec.json.decode(msgspec.json.encode(shown), type=Accepted)
    assert msgspec.to_builtins(answer).keys() == shown.keys()


def test_no_two_problems_share_a_type() -> None:
    assert len({kind.slug for kind in Kind}) == len(Kind)
