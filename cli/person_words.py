"""What `textgate person` reads and writes: whom a number means, and what is known of them as lines. Pure.

Times are ISO 8601 in UTC. Each line has `kind` and `account`; the other keys depend on the kind.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.channels_words import iso, iso_or_none
from cli.pairing_words import parse_sender
from cli.target import Target
from shared.errors import NotUnderstoodError

if TYPE_CHECKING:
    from shared.person import PersonData
    from shared.records import DeadLetter

RCS = "rcs:"


def names_of(number: str) -> tuple[str, ...]:
    """Every sender that a number may stand for: the phone, and the same one over RCS. Raises UsageError."""
    if not number.strip():
        raise NotUnderstoodError("which number? write `textgate person export +15551234567`")
    names = parse_sender([number])
    return (*names, f"{RCS}{names[0]}") if names[0].startswith("+") else names


def people_of(target: Target, account: str | None, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Account and sender of each conversation that may be meant. Raises UsageError for an account that there is not."""
    return [(each, name) for each in target.chosen(account) for name in names]


def lines_of(known: "PersonData") -> Iterator[dict[str, object]]:
    """All of it, what was said first."""
    for kind, line in _lines(known):
        yield {"kind": kind, "account": known.account_id, "person": known.person, **line}


def _lines(known: "PersonData") -> Iterator[tuple[str, dict[str, object]]]:
    for said in known.history:
        yield "history", {"role": said.role, "body": said.body, "at": iso(said.at_ms)}
    for text in known.inbound:
        media = [media.url for media in text.media]
        sid = text.message_sid
        yield "inbound", {"sid": sid, "body": text.body, "receivedAt": iso(text.received_ms), "media": media}
    for reply in known.replies:
        yield "reply", {"id": reply.reply_id, "texts": list(reply.texts), "createdAt": iso(reply.created_ms)}
    for part in known.parts:
        yield "part", {"id": part.part_id, "body": part.body, "createdAt": iso(part.created_ms)}
    for state in known.states:
        times = {"acceptedAt": iso_or_none(state.accepted_ms), "statusAt": iso_or_none(state.status_ms)}
        yield "sent", {"id": state.part_id, "state": state.state, "sid": state.sid, "status": state.status, **times}
    for letter in known.letters:
        yield "deadLetter", _letter(letter)
    if known.approval is not None:
        yield "approval", {"approvedAt": iso(known.approval.approved_ms)}
    if known.request is not None:
        yield "pairingRequest", {"code": known.request.code, "requestedAt": iso(known.request.created_ms)}
    for change in known.opt_outs:
        how = {"out": change.out, "at": iso(change.at_ms), "cause": change.cause.value, "said": change.said}
        yield "optOut", {**how, "messageSid": change.message_sid}


def _letter(letter: "DeadLetter") -> dict[str, object]:
    from shared.records import decode_inbound_text, decode_part, decode_reply

    match letter.stage:
        case "agent":
            words = [decode_inbound_text(record).body for record in letter.records]
        case "format":
            words = [text for record in letter.records for text in decode_reply(record).texts]
        case _:
            words = [decode_part(record).body for record in letter.records]
    return {"id": letter.letter_id, "code": letter.code, "buriedAt": iso(letter.buried_ms), "texts": words}
