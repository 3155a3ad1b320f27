"""An agent's Markdown becomes plain-text SMS parts: pure functions, no I/O, no clock, no Redis.

`render` is the entrance. Behind it, in the order of the work: `plain` (with `scrub`, `literals`, `grammar`, `blocks`,
`inline`, `tables`, `html_tags`, `marks`), `smart_encoding`, `counters`, `parts` (with `reach`, `pauses`, `thrift`),
`segments`. What a URL and what a grapheme is, all of them learn from `urls` and `graphemes`. Before it, where the owner
wants it, `artifacts`.
"""
