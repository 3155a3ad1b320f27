"""What a model's template leaves in a reply is taken out: its thinking, its tool calls, its control tokens.

Only where the owner says so (`agent.stripArtifacts`), because a reply may speak of such marks. In code they stay.
"""

import re

_THINKING = "think|thinking|thought|reasoning"
_CALLS = "tool_calls?|tool_use|tool_responses?|tool_results?|function_calls?|function_results?|invoke"
_BAR = "[|\uff5c]"
_ARTIFACT = re.compile(
    rf"""
      (?P<code>
          ^[ ]{{0,3}}(?P<fence>`{{3,20}}+|~{{3,20}}+)[^\n]*\n(?:.*?^[ ]{{0,3}}(?P=fence)|.*\Z)
        | (?<!`)(?P<ticks>`{{1,8}}+)(?!`)[^\n]{{0,500}}?(?<!`)(?P=ticks)(?!`)
      )
    # A block that never ends was cut off: all the rest belongs to it.
    | <(?P<tag>(?:\w{{1,20}}:)?(?:{_THINKING}|{_CALLS}))(?:\s[^<>\n]*)?>(?:.*?</(?P=tag)\s*>|.*\Z)
    | <function=[^<>\n]*>(?:.*?</function>|.*\Z)
    | <{_BAR}channel{_BAR}>\s*(?:analysis|commentary)\b(?:.*?<{_BAR}(?:end|call){_BAR}>|.*\Z)
    | <{_BAR}tool[\u2581_]calls?[\u2581_]begin{_BAR}>(?:.*?<{_BAR}tool[\u2581_]calls?[\u2581_]end{_BAR}>|.*\Z)
    | <{_BAR}python_tag{_BAR}>[^\n]*
    | <{_BAR}(?:start|channel){_BAR}>\s*\w*
    | <{_BAR}[^|\uff5c<>\n]{{1,40}}{_BAR}>
    | \[TOOL_CALLS\][^\n]*
    | \[/?INST\]
    | (?P<end></(?:{_THINKING})\s*>)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE | re.IGNORECASE,
)


def without_artifacts(reply: str) -> str:
    """The reply without them; empty if it held nothing else. Linear in the reply.

    Thinking whose opening mark is missing, as when the template had written it, goes with everything before its end.
    """
    kept: list[str] = []
    position = 0
    for match in _ARTIFACT.finditer(reply):
        if match["code"]:
            continue
        if match["end"]:
            kept.clear()
        else:
            kept.append(reply[position : match.start()])
        position = match.end()
    return "".join([*kept, reply[position:]]).strip() if position else reply
