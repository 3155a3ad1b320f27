"""The agent of `textgate demo`: always the same long answer, with every kind of Markdown that models like to write.

It is called like any agent of `agent.kind: "python"`, and doubles as the shortest example of one.
"""

from workers.agents.contract import Turn

LAST_WORDS = "Text me again any time."
"""How the answer ends; the demo knows by it that nothing is missing."""

LINK = "https://example.com/plans?from=sms&ref=a_b_c"
"""A URL that careless formatting would damage."""

_ANSWER = """\
# Plans at a glance

You asked: *{question}*

Here is the **short version**. All plans include:

- unlimited inbound texts
- delivery receipts for every message
- `pairing`, so that only people you approved can talk to me

| Plan | Price | Segments |
| --- | --- | --- |
| Basic | $5 | 500 |
| Plus | $19 | 2,500 |

## How to switch

1. Open the [comparison of all plans]({link}).
2. Choose one; it starts **at once**, and the rest of the month is credited to you.
3. Check it from a terminal if you like:

```sh
curl -s https://api.example.com/v1/plan \\
  -H "Authorization: Bearer $TOKEN"
```

> Nothing changes for texts that are already on their way: they are delivered under the plan they were sent with.

## What a segment is

A text is sent in *segments*. One segment holds 160 characters of the plain alphabet, or 70 if a single character lies \
outside of it, such as a curly quote or an emoji. \u201cQuotes like these\u201d would make a text cost more than twice \
as much \u2014 so the gateway writes them plainly, unless you tell it not to.

A long answer like this one is cut at the end of a paragraph or a sentence, never within a word or a link, and its \
parts arrive in order: the next one leaves only after the carrier's side has accepted the one before it. If a part \
cannot be delivered, you see its error code beside it; nothing is sent twice, and nothing is skipped.

## What you can do now

- [x] pair this phone
- [ ] ask something else
- [ ] connect a number of your own: five settings, and this very gateway answers it

{last_words}
"""


def reply(turn: Turn) -> str:
    """Answer whatever was asked."""
    return _ANSWER.format(question=turn.prompt.strip(), link=LINK, last_words=LAST_WORDS)
