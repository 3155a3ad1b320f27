"""A change to a file changes what was asked for and not one byte more."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from shared.config_edit import is_same, merge_patch, rewrite
from shared.config_edit_tree import NEWLINES, Node, parse_comments, parse_tree
from shared.config_file import parse_json5
from shared.errors import ConfigError
from tests.unit.config_edit.layouts import documents, patches

FILE = """\
// My gateway
{
  channels: {
    sms: {
      // who we are
      accountSid: "AC1", // from the console
      authToken: 'secret', /* old */
      dmPolicy: "pairing" // last, without a comma
    },
  },
  redis: { url: "redis://a", prefix: "tg:" },
}
// the end
"""


def patched(text: str, patch: dict[str, Any]) -> str:
    content = text.encode()
    return rewrite(content, merge_patch(parse_json5(content, name="f"), patch), name="f").decode()


@settings(max_examples=400, deadline=None)
@given(documents(), patches())
def test_the_patched_file_reads_as_the_merged_values(content: bytes, patch: dict[str, Any]) -> None:
    wanted = merge_patch(parse_json5(content, name="f"), patch)
    result = rewrite(content, wanted, name="f")
    assert is_same(parse_json5(result, name="f"), wanted)
    assert rewrite(result, wanted, name="f") == result


@settings(max_examples=200, deadline=None)
@given(documents())
def test_an_empty_patch_changes_no_byte(content: bytes) -> None:
    assert rewrite(content, merge_patch(parse_json5(content, name="f"), {}), name="f") == content


@settings(max_examples=400, deadline=None)
@given(documents(), patches())
def test_comments_of_untouched_members_survive_in_their_order(content: bytes, patch: dict[str, Any]) -> None:
    values = parse_json5(content, name="f")
    wanted = merge_patch(values, patch)
    text = content.decode()
    gone = list(spans_that_may_go(text, parse_tree(text), values, wanted))
    stay = [
        text[start:end] for start, end in parse_comments(text) if not any(first <= start < last for first, last in gone)
    ]
    result = rewrite(content, wanted, name="f").decode()
    found = [result[start:end] for start, end in parse_comments(result)]
    assert [comment for comment in found if comment in stay] == stay


@settings(max_examples=200, deadline=None)
@given(documents(), patches())
def test_an_untouched_member_stays_byte_for_byte(content: bytes, patch: dict[str, Any]) -> None:
    values = parse_json5(content, name="f")
    text = content.decode()
    result = rewrite(content, merge_patch(values, patch), name="f").decode()
    at = 0
    for member, key, _value in parse_tree(text).with_values(values):
        if key not in patch:
            at = result.index(text[member.start : member.value.end], at)


def spans_that_may_go(
    text: str, node: Node, values: dict[str, Any], wanted: dict[str, Any]
) -> Iterator[tuple[int, int]]:
    """What a patch names: a replaced value, a deleted member and the rest of its line."""
    next_starts = [*(member.start for member in node.members), node.end][1:]
    for (member, key, value), next_start in zip(node.with_values(values), next_starts, strict=True):
        if key not in wanted:
            newline = re.compile(f"[{NEWLINES}]").search(text, member.value.end)
            yield member.start, min(next_start, newline.start() if newline else len(text))
        elif isinstance(value, dict) and isinstance(wanted[key], dict):
            yield from spans_that_may_go(text, member.value, value, wanted[key])
        elif not is_same(value, wanted[key]):
            yield member.value.start, member.value.end


@pytest.mark.parametrize(
    ("patch", "old", "new"),
    [
        ({"channels": {"sms": {"dmPolicy": "open"}}}, '"pairing"', '"open"'),
        ({"channels": {"sms": {"accountSid": None}}}, '      accountSid: "AC1", // from the console\n', ""),
        (
            {"channels": {"sms": {"dmPolicy": None}}},
            ', /* old */\n      dmPolicy: "pairing" // last, without a comma',
            " /* old */",
        ),
        (
            {"channels": {"sms": {"allowFrom": ["+15551234567"]}}},
            '"pairing" // last, without a comma',
            '"pairing", // last, without a comma\n      allowFrom: ["+15551234567"]',
        ),
        ({"redis": {"prefix": None}}, ', prefix: "tg:"', ""),
        ({"redis": {"url": None}}, ' url: "redis://a",', ""),
        ({"redis": {"durability": "always"}}, 'prefix: "tg:"', 'prefix: "tg:", durability: "always"'),
        ({"redis": {"url": {"source": "env", "id": "R"}}}, '"redis://a"', '{ source: "env", id: "R" }'),
        ({"agent": {"kind": "echo"}}, '"tg:" },\n', '"tg:" },\n  agent: { kind: "echo" },\n'),
        (
            {"workers": {"agent": {"concurrency": 2}}},
            '"tg:" },\n',
            '"tg:" },\n  workers: {\n    agent: { concurrency: 2 },\n  },\n',
        ),
    ],
)
def test_a_change_looks_as_if_its_author_had_made_it(patch: dict[str, Any], old: str, new: str) -> None:
    assert FILE.count(old) == 1
    assert patched(FILE, patch) == FILE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "patch", "result"),
    [
        ("{}", {"a": 1}, "{\n  a: 1,\n}"),
        ("{ // c\n}", {"a": 1}, "{ // c\n  a: 1,\n}"),
        ("{a:{}}", {"a": {"b": 1}}, "{a:{ b: 1 }}"),
        ("{a:1}", {"b": 2}, "{a:1, b: 2}"),
        ("{ a: 1, }", {"b": 2}, "{ a: 1, b: 2, }"),
        ("{ a: 1 }", {"a": None, "b": 2}, "{ b: 2 }"),
        ("{a:1,b:2,c:3}", {"a": None, "c": None}, "{b:2}"),
        ("{a:1,b:2,c:3}", {"b": None, "c": None}, "{a:1}"),
        ("{\n  a: 1\n  , b: 2\n}", {"a": None}, "{\n   b: 2\n}"),
        ('{\n\t"a": 1\n}\n', {"b": {"c": {"d": 1}}}, '{\n\t"a": 1,\n\t"b": {\n\t\t"c": { "d": 1 }\n\t}\n}\n'),
        ("{\r\n  a: 1,\r\n}\r\n", {"b": 2}, "{\r\n  a: 1,\r\n  b: 2,\r\n}\r\n"),
        ("\ufeff{a: 1}", {"a": 2}, "\ufeff{a: 2}"),
        ("{a: 1}", {"a": 1.0}, "{a: 1.0}"),
        ("{a: 1}", {"a": True}, "{a: true}"),
        ("{a: 0x10}", {"a": 16}, "{a: 0x10}"),
        ("{}", {"two words": "\u2028é"}, '{\n  "two words": "\\u2028é",\n}'),
    ],
)
def test_new_text_follows_the_style_of_the_file(text: str, patch: dict[str, Any], result: str) -> None:
    assert patched(text, patch) == result


def test_what_is_long_is_written_over_several_lines() -> None:
    numbers = [f"+1555123456{digit}" for digit in range(8)]
    lines = patched("{\n}\n", {"allowFrom": numbers}).splitlines()
    assert lines[1] == "  allowFrom: ["
    assert lines[2:10] == [f"    {json.dumps(number)}," for number in numbers]


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_patches_merge_as_rfc_7396_says(target: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    assert merge_patch(target, patch) == result


def test_a_result_that_could_not_be_read_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"a": deep}
    with pytest.raises(ConfigError, match="more than 32 levels"):
        rewrite(b"{}", deep, name="f")
