"""Delivery callbacks: Twilio's news about an outbound part, on the webhook's own path, signed like everything else.

A failure after acceptance is never sent again by itself: the part is marked, the log has the hint. A code that speaks
of the whole account pauses it, one that says that the person has opted out is recorded, both in the step that marks the
part (`shared/aftermath.py`).
"""

import time

from shared.aftermath import aftermath_of
from shared.delivery import Recorded, record_status, recorded_of
from shared.errors import RejectedError
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.logs import logger
from shared.metrics import DELIVERED_S, DELIVERIES, TWILIO_ERRORS, code_of_callback
from shared.optout import Cause
from shared.outbox import Status
from shared.phone import mask
from shared.settings import Account
from shared.status_callback import part_of_query
from shared.twilio_codes import CODES

MAX_ID_LENGTH = 100

log = logger(__name__)


async def record_callback(
    fields: dict[str, str], query: bytes, *, account: Account, keys: Keys, commit: GroupCommit
) -> None:
    """Advance the state of the part that the query names. Raises RejectedError(400, 403) or TransientError.

    A status that we do not know, or a part that is not ours any more, is logged and answered 200: repeating the
    callback would not help.
    """
    if fields.get("AccountSid") != account.account_sid:
        raise RejectedError("AccountSid is not the account's", status=403)
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    part_id = part_of_query(query.decode("latin-1"))
    if not sid.isalnum() or len(sid) > MAX_ID_LENGTH or len(part_id) > MAX_ID_LENGTH:
        raise RejectedError("MessageSid or the part id is missing or malformed", status=400)
    said, code = fields["MessageStatus"], fields.get("ErrorCode", "")
    if said not in set(Status) or not part_id:
        log.warning("callback_ignored", account=account.id, message_sid=sid, status=said[:40], part=part_id)
        return
    code = code if code.isascii() and code.isdigit() and len(code) < 10 else ""
    call = record_status(
        keys=keys,
        part_id=part_id,
        sid=sid,
        status=Status(said),
        error_code=code,
        carrier_time=fields.get("RawDlrDoneDate", "")[:20],
        account_id=account.id,
        aftermath=aftermath_of(int(code or 0), to=fields.get("To", "")),
    )
    recorded = recorded_of(await commit.call(call))
    _count(recorded, Status(said), code, account, is_first=part_id.endswith(".0"))
    conversation = part_id.partition("-")[0]  # every part id of ours begins with it
    facts = {
        "account": account.id,
        "message_sid": sid,
        "conversation": conversation,
        "part": part_id,
        "status": said,
        "outcome": recorded.outcome,
    }
    log.info("delivery_status", stage="ingress", **facts, **({"code": code} if code else {}))
    if code and recorded.outcome == "recorded":
        _tell(int(code), recorded, account, fields.get("To", ""))


def _count(recorded: Recorded, status: Status, code: str, account: Account, *, is_first: bool) -> None:
    if recorded.outcome != "recorded":
        return
    DELIVERIES.inc(account.id, status.value)
    if code:
        TWILIO_ERRORS.inc("callback", code_of_callback(int(code)))
    if is_first and status is Status.DELIVERED and recorded.received_ms is not None:
        DELIVERED_S.observe(max(time.time_ns() // 1_000_000 - recorded.received_ms, 0) / 1000)


def _tell(code: int, recorded: Recorded, account: Account, to: str) -> None:
    info = CODES.get(code)
    if info is not None:
        log.warning("delivery_failed", account=account.id, code=code, meaning=info.meaning, hint=info.hint)
        if recorded.paused:
            log.error("account_paused", account=account.id, code=code, reason=info.meaning, hint=info.hint)
    if recorded.opted_out:
        log.info("opted_out", account=account.id, person=mask(to), cause=Cause.TWILIO.value)
