"""What a model's template leaves over goes; what a reply says about it, in code, stays."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from workers.text.artifacts import without_artifacts

CASES = {
    "thinking": ("<think>\nThey want `x`.\n\n</think>\n\nHello **you**", "Hello **you**"),
    "thinking with another name": ("<Reasoning effort='high'>a < b</Reasoning>Hi", "Hi"),
    "thinking in the middle": ("One. <thinking>two</thinking>Three.", "One. Three."),
    "thinking that was cut off": ("Hello <think>and then the tokens ran", "Hello"),
    "thinking whose beginning the template wrote": ("They want x.\n</think>\n\nHello", "Hello"),
    "nothing but thinking": ("<think>hm</think>", ""),
    "a tool call": ('Let me look.\n<tool_call>\n{"name": "find"}\n</tool_call>', "Let me look."),
    "function calls": ("<function_calls><invoke name='a'></invoke></function_calls>Done", "Done"),
    "a call with a name space": ("<x:function_calls>1</x:function_calls>Done", "Done"),
    "a call in the tag": ('<function=find>{"q": 1}</function>Done', "Done"),
    "a line of calls": ('[TOOL_CALLS] [{"name": "find"}]\nDone', "Done"),
    "control tokens": ("<|im_start|>Hello<|im_end|><|eot_id|>", "Hello"),
    "wide control tokens": (
        "<\uff5ctool\u2581calls\u2581begin\uff5c>x<\uff5ctool\u2581calls\u2581end\uff5c>Hi<\uff5cend\uff5c>",
        "Hi",
    ),
    "channels": (
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi there",
        "Hi there",
    ),
    "code stays": ("Write `<think>` before and `</think>` after.", "Write `<think>` before and `</think>` after."),
    "fenced code stays": ("```xml\n<tool_call>\n</tool_call>\n```\n", "```xml\n<tool_call>\n</tool_call>\n```\n"),
    "other tags stay": ("<b>I</b> think <thinker> 1 < 2 | 3", "<b>I</b> think <thinker> 1 < 2 | 3"),
    "text stays to the letter": ("  two blanks\n\n\n", "  two blanks\n\n\n"),
}


@pytest.mark.parametrize(("reply", "kept"), CASES.values(), ids=CASES)
def test_only_what_the_template_left_goes(reply: str, kept: str) -> None:
    assert without_artifacts(reply) == kept


@settings(max_examples=300)
@given(st.text("ab <>/|`\n[]=") | st.text())
def test_text_without_such_marks_is_not_touched(reply: str) -> None:
    assert without_artifacts(reply) == reply or "<|" in reply


@pytest.mark.parametrize(
    "mark", ["<think>", "</think>", "`", "``` ", "```\n", "<|a", "<function=", "<|channel|>analysis"]
)
def test_hostile_replies_cost_little(mark: str) -> None:
    started = time.process_time()
    without_artifacts(mark * 100_000)
    assert time.process_time() - started < 5  # linear takes well under 1 s, quadratic takes minutes
