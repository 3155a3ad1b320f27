"""The marks that the formatter itself adds. All are GSM-7: the usual bullet dot would triple the bill of every list."""

BULLET = "- "
RULE = "---"
CHECKED = "[x] "
UNCHECKED = "[ ] "
STRUCK = "~"
RAISED = "^"
QUOTED = '"'
BETWEEN_CELLS = ", "
BETWEEN_LINES = "; "
