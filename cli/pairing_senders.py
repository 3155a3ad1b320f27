"""`textgate pairing allowed` and `pairing revoke`: who may talk to the agent, and putting somebody out again.

Two sources: approvals in Redis, which these commands change, and `allowFrom` in the configuration, which they show.
"""

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli.channels_gateway import Gateway, find_gateway
from cli.channels_words import iso, iso_or_none
from cli.options import AccountOption, ChannelOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json, print_table
from cli.pairing_words import parse_sender
from cli.plain_usage import PlainUsage
from cli.target import Target, opened
from cli.words import check_channel
from shared.errors import UsageError

if TYPE_CHECKING:
    from shared.settings import Account

_SHORT = {"open": "everybody may text", "disabled": "nobody may text, approved or not"}


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """One sender who is let in; at least one of the two reasons holds."""

    account_id: str
    sender: str
    approved_ms: int | None = None
    configured: bool = False
    """`allowFrom` names them."""


def add_to(group: typer.Typer) -> None:
    """Register both commands."""
    group.command(cls=PlainUsage, short_help="Show who is in.")(allowed)
    group.command(cls=PlainUsage, short_help="Put an approved person out again.")(revoke)


def allowed(
    context: typer.Context,
    word: Annotated[str | None, typer.Argument(metavar="[sms]", show_default=False)] = None,
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show who may talk to the agent: those you approved, with when, and those in allowFrom.

    \b
    Example:  textgate pairing allowed
    Then:     textgate pairing revoke +15551234567
    --json:   {"accounts": [{"id", "dmPolicy"}], "allowed": [{"account",
              "sender", "approvedAt", "configured"}]}; approvedAt is null for
              who is in allowFrom only
    """
    check_channel(word)
    check_channel(channel)
    gateway = find_gateway(common(context, config, state_dir))
    target = _reachable(gateway)
    accounts = [gateway.settings.accounts[each] for each in target.chosen(account) if each in gateway.settings.accounts]
    found = asyncio.run(load_allowed(target, accounts))
    if as_json:
        policies = [{"id": each.id, "dmPolicy": each.dm_policy.value} for each in accounts]
        print_json({"accounts": policies, "allowed": [_as_json(each) for each in found]})
        return
    if found:
        print_table(("SENDER", "ACCOUNT", "WHY"), [(each.sender, each.account_id, _why(each)) for each in found])
    else:
        typer.echo("Nobody was let in so far. Who waits: `textgate pairing list`")
    for each in accounts:
        if each.dm_policy in _SHORT:
            typer.echo(f"account {each.id}: dmPolicy is {each.dm_policy.value}, so {_SHORT[each.dm_policy]}")


def revoke(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="[sms] NUMBER", show_default=False)],
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Take an approval back: on every replica at once, their next text is a stranger's again.

    Without --account it counts for every account that let them in. Texts accepted before are still answered. A number
    that was not approved: exit status 1; one in allowFrom is named as such, since only the configuration lets it in.

    \b
    Example:  textgate pairing revoke +15551234567
    Then:     textgate pairing allowed
    --json:   {"sender", "accounts", "stillAllowed"}; stillAllowed: accounts
              whose allowFrom or policy lets them in all the same
    """
    from shared import pairing

    check_channel(channel)
    names = parse_sender(words)
    gateway = find_gateway(common(context, config, state_dir))
    target = _reachable(gateway)
    chosen = target.chosen(account)

    async def remove() -> list[str]:
        async with opened(target) as (redis, keys):
            return await pairing.revoke(redis, keys, names, chosen)

    removed = asyncio.run(remove())
    still = _still_allowed(gateway, names, chosen)
    if not removed:
        raise UsageError(_not_approved(names[0], still))
    if as_json:
        print_json({"sender": names[0], "accounts": removed, "stillAllowed": list(still)})
    else:
        typer.echo(f"{names[0]} is no longer approved for account {', '.join(removed)}.")
    for account_id, reason in still.items():
        typer.echo(f"warning: account {account_id} still lets them in: {reason}", err=True)


async def load_allowed(target: Target, accounts: "list[Account]") -> list[Allowed]:
    """Everybody who is let in, account by account: the approved first, the longest known first."""
    from shared.pairing import list_approved

    found: list[Allowed] = []
    async with opened(target) as (redis, keys):
        for account in accounts:
            approvals = await list_approved(redis, keys, account.id)
            found += [
                Allowed(
                    account_id=account.id,
                    sender=approval.sender,
                    approved_ms=approval.approved_ms,
                    configured=approval.sender in account.allow_from,
                )
                for approval in approvals
            ]
            others = account.allow_from - {approval.sender for approval in approvals}
            found += [Allowed(account_id=account.id, sender=each, configured=True) for each in sorted(others)]
    return found


def _reachable(gateway: Gateway) -> Target:
    if gateway.target is None:
        raise UsageError(gateway.trouble)
    return gateway.target


def _still_allowed(gateway: Gateway, names: tuple[str, ...], chosen: list[str]) -> dict[str, str]:
    """Account id -> why the sender gets in there without an approval."""
    still: dict[str, str] = {}
    for account_id in chosen:
        account = gateway.settings.accounts.get(account_id)
        if account is None or account.dm_policy == "disabled":
            continue
        if account.dm_policy == "open":
            still[account_id] = "its dmPolicy is open"
        elif not account.allow_from.isdisjoint(names):
            still[account_id] = "its allowFrom (or SMS_ALLOWED_USERS) names them; take the number out there"
    return still


def _not_approved(sender: str, still: dict[str, str]) -> str:
    if still:
        account_id, reason = next(iter(still.items()))
        return f"{sender} was not approved, so there is nothing to revoke; account {account_id} lets them in: {reason}"
    return f"{sender} was not approved, so there is nothing to revoke; see `textgate pairing allowed`"


def _why(allowed: Allowed) -> str:
    reasons = [f"approved {iso(allowed.approved_ms)}"] if allowed.approved_ms is not None else []
    return ", ".join([*reasons, *(["in allowFrom (configuration)"] if allowed.configured else [])])


def _as_json(allowed: Allowed) -> dict[str, object]:
    return {
        "account": allowed.account_id,
        "sender": allowed.sender,
        "approvedAt": iso_or_none(allowed.approved_ms),
        "configured": allowed.configured,
    }
