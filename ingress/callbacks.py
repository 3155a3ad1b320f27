"""Delivery callbacks: Twilio's news about an outbound part, on the webhook's own path, signed like everything else."""

from shared.errors import RejectedError
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.logs import logger
from shared.outbox import Status, record_status
from shared.settings import Account
from shared.status_callback import part_of_query

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
    sid = fields.get("MessageSid") or fields.get("SmsSid")
    part_id = part_of_query(query.decode("latin-1"))
    if not sid or len(sid) > 64 or not sid.isalnum() or len(part_id) > 100:
        raise RejectedError("MessageSid or the part id is missing or malformed", status=400)
    said, code = fields["MessageStatus"], fields.get("ErrorCode", "")
    if said not in set(Status) or not part_id:
        log.warning("callback_ignored", account=account.id, message_sid=sid, status=said[:40], part=part_id)
        return
    call = record_status(
        keys=keys, part_id=part_id, sid=sid, status=Status(said), error_code=code if code.isdigit() else ""
    )
    outcome = (await commit.call(call)).decode()
    log.info(
        "delivery_status", account=account.id, message_sid=sid, part=part_id, status=said, code=code, outcome=outcome
    )
