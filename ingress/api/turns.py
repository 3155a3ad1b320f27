"""The answer to a turn, given later by the agent of the kind `http`: whom it goes to is known from the turn.

Redis keys: turn (read here, claimed by `lua/submit.lua`).
"""

import re

from msgspec import UNSET

from ingress.api.problems import Kind, RefusedError, invalid
from ingress.api.service import Service
from ingress.api.wire import SendRequest
from shared.records import Origin, Reply
from shared.settings import ApiToken
from shared.turns import OpenTurn, load_open_turn

_TURN_KEY = re.compile(r"[a-z2-7]{16}-[0-9]{1,20}")


async def answer_to_turn(
    service: Service, token: ApiToken, wanted: SendRequest, turn_key: str, *, media: tuple[str, ...], now_ms: int
) -> Reply:
    """The answer as the format lane holds it. Raises RefusedError: 404 for an unknown turn, 400, 403, 409."""
    about = await load_open_turn(service.redis, service.keys, turn_key) if _TURN_KEY.fullmatch(turn_key) else None
    if about is None:
        raise unknown_turn()
    check_turn(wanted, about)
    if not token.may_use(about.account):
        raise RefusedError(Kind.ACCOUNT_FORBIDDEN, "the turn belongs to an account that is not the token's")
    account = service.accounts.get(about.account)
    if account is None or not account.enabled:
        raise RefusedError(Kind.ACCOUNT_UNAVAILABLE, f"account {about.account} is switched off")
    texts = (wanted.text,) if wanted.text is not UNSET else wanted.texts
    return Reply(
        reply_id=turn_key,  # as if the turn had said it itself: a trace finds it
        account_id=about.account,
        conversation=about.conversation,
        to=about.to,
        texts=texts if texts is not UNSET else (),
        origin=Origin.API,
        created_ms=now_ms,
        markdown=wanted.markdown is not False,
        in_reply_to=about.message_sid,
        received_ms=about.received_ms,
        media=media,
        validity_s=None if wanted.validity_seconds is UNSET else wanted.validity_seconds,
    )


def check_turn(wanted: SendRequest, about: OpenTurn) -> None:
    """Refuse a recipient or an account that the turn does not belong to. Raises RefusedError(400)."""
    if wanted.to is not UNSET and wanted.to != about.to:
        raise invalid("/to", "the turn belongs to another conversation; leave it out")
    if wanted.account is not UNSET and wanted.account != about.account:
        raise invalid("/account", "the turn belongs to another account; leave it out")


def unknown_turn() -> RefusedError:
    """The refusal of a turn that waits for nothing."""
    return RefusedError(Kind.TURN_UNKNOWN, "the name is wrong, or agent.http.answerWithinSeconds have passed")
