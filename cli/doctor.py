"""`textgate doctor`: everything that can be checked from here, each with what to do. Reads only."""

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Common, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json
from shared.errors import ConfigError, TextgateError, UsageError

if TYPE_CHECKING:
    from cli.channels_gateway import Gateway
    from cli.doctor_facts import DoctorFacts
    from cli.doctor_found import Found
    from workers.probe.result import ProbeResult


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(short_help="Check everything here, and say what to do.")(doctor)


def doctor(
    context: typer.Context,
    probe: Annotated[bool, typer.Option("--probe", help="Ask Twilio too: every account, and its clock.")] = False,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Write a new zip for who helps you: no secret, number or text."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Check configuration, secrets, agent, Redis, clock, routes, workers, queues, pauses and probes. Changes nothing.

    Exit status: 0 nothing is bad, 1 something is, 2 something that matters could not be told. It works with nothing
    running, and says so.

    \b
    Example:  textgate doctor
    Then:     textgate doctor --bundle textgate-doctor.zip
    --json:   {"verdict", "checks": [{"name", "result", "sentence", "advice"}]}
    """
    from cli.doctor_checks import examine
    from cli.probe_show import EXIT_STATUS
    from workers.probe.finding import Severity, Verdict

    said = common(context, config, state_dir)
    if bundle is not None and os.path.lexists(bundle):
        raise UsageError(f"--bundle: {bundle} exists, and is not overwritten; name another file")
    facts: DoctorFacts | None = None
    try:
        facts = asyncio.run(_gather(said, probe=probe))
    except ConfigError as error:
        found = [_refused(error)]
    else:
        found = examine(facts)
    results = {each.result for each in found}
    verdict = (
        Verdict.BAD if Severity.BAD in results else Verdict.UNKNOWN if Severity.UNKNOWN in results else Verdict.GOOD
    )
    shown = {"verdict": verdict.value, "checks": [_as_json(each) for each in found]}
    if as_json:
        print_json(shown)
    else:
        _show(found)
    if bundle is not None:
        _write(bundle, {"doctor": shown}, facts)
        typer.echo(
            f"textgate: wrote {bundle}: no secret, number or text is in it, but look before you send it", err=True
        )
    if EXIT_STATUS[verdict]:
        raise typer.Exit(EXIT_STATUS[verdict])


def _refused(error: ConfigError) -> "Found":
    from cli.doctor_found import bad

    return bad("configuration", f"{error}.", "Correct it; `textgate config validate` tells when it is right.")


async def _gather(said: Common, *, probe: bool) -> "DoctorFacts":
    from redis.exceptions import RedisError

    from cli.channels_gateway import find_gateway
    from cli.doctor_facts import DoctorFacts, ask_redis, fetch_twilio_skew_ms, load_routes, try_agents
    from shared.redis_away import describe_away
    from shared.redis_client import AWAY

    gateway = find_gateway(said)
    if probe:
        gateway.need_secrets()
    inside, trouble = None, ""
    if gateway.target is not None:
        try:
            inside = await ask_redis(gateway.target.redis_url.reveal(), gateway.target.prefix, gateway)
        except (*AWAY, RedisError) as error:
            trouble = describe_away(error, gateway.target.redis_url.reveal())
    ingress_url, routes = await load_routes(gateway)
    return DoctorFacts(
        gateway=gateway,
        now_ms=time.time_ns() // 1_000_000,
        inside=inside,
        trouble=trouble,
        agents=try_agents(gateway),
        ingress_url=ingress_url,
        routes=routes,
        twilio_skew_ms=await fetch_twilio_skew_ms(gateway.settings.twilio_api_base) if probe else None,
        fresh=await _probe(gateway) if probe else None,
    )


async def _probe(gateway: "Gateway") -> "dict[str, ProbeResult]":
    from workers.probe.run import ProbeContext, opened_twilio, probe_account

    context = ProbeContext(settings=gateway.settings)
    accounts = gateway.settings.enabled_accounts.values()
    async with opened_twilio(gateway.settings) as twilio:
        results = await asyncio.gather(*(probe_account(twilio, account, context) for account in accounts))
    return {result.account_id: result for result in results}


def _show(found: "list[Found]") -> None:
    from cli.terminal import Paint
    from workers.probe.finding import Severity

    paint = Paint.for_stdout()
    words = {
        Severity.BAD: paint("BAD ", "bold", "red"),
        Severity.UNKNOWN: paint("?   ", "bold", "magenta"),
        Severity.WARNING: paint("warn", "yellow"),
        Severity.OK: paint("ok  ", "green"),
    }
    column = max(len(each.name) for each in found)
    for each in found:
        typer.echo(f"{words[each.result]}  {each.name:<{column}}  {each.sentence}")
        if each.advice:
            typer.echo(f"{'':<{column + 8}}{paint(f'-> {each.advice}', 'dim')}")


def _as_json(found: "Found") -> dict[str, Any]:
    return {
        "name": found.name,
        "result": found.result.value,
        "sentence": found.sentence,
        "advice": found.advice or None,
    }


def _write(file: Path, documents: dict[str, Any], facts: "DoctorFacts | None") -> None:
    from cli.doctor_bundle import load_state, redacted, secrets_of, versions, write_bundle

    documents = documents | {"versions": versions()}
    secrets: list[str] = []
    if facts is not None:
        gateway = facts.gateway
        secrets = secrets_of(gateway.settings)
        documents["config"] = redacted(_effective(gateway))
        if facts.inside is not None and gateway.target is not None:
            documents["state"] = asyncio.run(_on_redis(gateway, load_state))
    try:
        write_bundle(file, documents, secrets)
    except OSError as error:
        raise UsageError(f"--bundle: cannot make {file}: {error.strerror or error}; name another file") from error


def _effective(gateway: "Gateway") -> dict[str, Any]:
    from cli.config_effective import effective_values
    from shared.config_file import load_file
    from shared.config_shape import parse_section
    from shared.settings import ConfigDocument

    try:
        raw = load_file(gateway.settings.source, os.environ if gateway.settings.source is None else {})
        return effective_values(parse_section(raw.values, ConfigDocument), gateway.settings)
    except TextgateError as error:  # it changed while we looked
        return {"trouble": str(error)}


async def _on_redis(gateway: "Gateway", load: Any) -> Any:
    from redis.exceptions import RedisError

    from shared.keys import Keys
    from shared.redis_away import describe_away
    from shared.redis_client import AWAY, connect

    assert gateway.target is not None  # noqa: S101 - asked before
    url = gateway.target.redis_url.reveal()
    redis = connect(url)
    try:
        return await load(redis, Keys(gateway.target.prefix))
    except (*AWAY, RedisError) as error:
        return {"trouble": describe_away(error, url)}
    finally:
        await redis.aclose()
