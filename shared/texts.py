"""The fixed texts that people get, in one place. All GSM-7, so that none costs more than it must."""

PAIRING = (
    "This number is answered by an assistant that talks to approved people only.\n"
    "Your number: {sender}\n"
    "Pairing code: {code}\n"
    "Ask the owner to approve this code within 1 hour."
)
"""To an unknown sender under the policy `pairing`; `{code}` and `{sender}` are filled in."""

APPROVED = "Access approved. You can text this number now."
"""To a sender whom the owner approved with `--notify`."""
