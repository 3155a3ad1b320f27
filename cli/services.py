"""`textgate ingress`, `worker` and `sandbox`: one process each, in the foreground, until SIGTERM or Ctrl-C.

These are the commands of a deployment that scales process by process; `textgate up` starts the very same ones.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import ConfigOption, common
from cli.plain_usage import PlainUsage
from shared.errors import UsageError
from shared.keys import PROBE, Stage
from shared.settings_logs import LogFormat

if TYPE_CHECKING:
    from shared.settings_overrides import Overrides

PortOption = Annotated[
    int | None, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port to listen on; 0: any.")
]
LogFormatOption = Annotated[
    LogFormat | None,
    typer.Option("--log-format", help="How log lines look. Else: logs.format, or what fits the terminal."),
]
MetricsPortOption = Annotated[
    int | None,
    typer.Option("--metrics-port", metavar="PORT", min=0, max=65535, help="Port of the metrics. Else: metrics.port."),
]


class WorkerKind(StrEnum):
    """What a worker process is for."""

    AGENT = Stage.AGENT.value
    FORMAT = Stage.FORMAT.value
    OUTBOUND = Stage.OUTBOUND.value
    PROBE = PROBE


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(short_help="One process that receives webhooks.")(ingress)
    app.command(cls=PlainUsage, short_help="One process that works on a stage, or probes.")(worker)
    app.command(short_help="Only the stand-in for Twilio.")(sandbox)


def ingress(
    context: typer.Context,
    config: ConfigOption = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on. Else: ingress.host.")
    ] = None,
    port: PortOption = None,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, max=256, help="Processes that share the port: one per core.")
    ] = 1,
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Let other processes of the same user listen on the port as well.")
    ] = False,
    metrics_port: MetricsPortOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Receive webhooks: check the signature, apply the sender policy, store the text, then answer.

    Start as many as you like behind a load balancer; they share nothing but Redis. On one machine --workers starts
    several behind one port, and starts again the one that crashes.

    \b
    Example:  TEXTGATE_REDIS_URL=redis://localhost textgate ingress --port 8080
    Then:     in Twilio, let the number POST to channels.sms.publicWebhookUrl
    Healthy:  curl http://127.0.0.1:8080/readyz
    """
    from shared.settings import load_settings
    from shared.settings_overrides import with_overrides

    said = common(context, config).config
    chosen = {"ingress": {"host": host, "port": port}, **_log_and_metrics(metrics_port, log_format)}
    settings = with_overrides(load_settings(said, os.environ), chosen)
    if workers > 1:
        from cli.ingress_workers import run_workers

        raise typer.Exit(
            run_workers(
                settings, count=workers, config=said, environ=os.environ, options=_options(metrics_port, log_format)
            )
        )
    from ingress.server import run

    run(settings, share_port=share_port)


def _options(metrics_port: int | None, log_format: LogFormat | None) -> tuple[str, ...]:
    """The options that each of several processes is started with."""
    port = () if metrics_port is None else ("--metrics-port", str(metrics_port))
    return port if log_format is None else (*port, "--log-format", log_format.value)


def worker(
    context: typer.Context,
    kind: Annotated[
        WorkerKind,
        typer.Argument(metavar="KIND", help="What it works on: agent, format, outbound or probe.", show_default=False),
    ],
    config: ConfigOption = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency", metavar="N", min=1, max=10_000, help="Turns at once. Else: workers.KIND.concurrency."
        ),
    ] = None,
    metrics_port: MetricsPortOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Work on one stage: `agent` runs turns, `format` makes SMS parts, `outbound` sends them.

    Each stage has its own queue: start more of the one that is behind. SIGTERM lets it finish or hand back what is
    under way. `probe` checks Twilio's side of every account on a schedule, and fetches texts that never arrived.

    \b
    Example:  TEXTGATE_REDIS_URL=redis://localhost textgate worker agent
    Then:     textgate worker format, outbound and probe
    """
    from shared.settings import load_settings
    from shared.settings_overrides import with_overrides

    loaded = load_settings(common(context, config).config, os.environ)
    settings = with_overrides(loaded, _log_and_metrics(metrics_port, log_format))
    if kind.value == PROBE:
        from workers.probing.run import run as run_probe

        if concurrency is not None:
            raise typer.BadParameter("for the probe set workers.probe.concurrency", param_hint="--concurrency")
        run_probe(settings)
    else:
        from workers.run import run

        run(Stage(kind.value), settings, max_turns=concurrency)


def sandbox(
    port: PortOption = 0,
    webhook_url: Annotated[
        str,
        typer.Option(
            "--webhook-url", metavar="URL", help="Where texts from phones are posted: your ingress on this machine."
        ),
    ] = "",
    number: Annotated[
        str | None, typer.Option("--number", metavar="NUMBER", help="The phone number that it pretends to own.")
    ] = None,
    account_sid: Annotated[
        str | None, typer.Option("--account-sid", metavar="SID", help="The account it pretends to be.")
    ] = None,
    auth_token_file: Annotated[
        Path | None, typer.Option("--auth-token-file", metavar="FILE", help="File with the auth token to sign with.")
    ] = None,
) -> None:
    """Stand in for Twilio on this machine: the Messages API, signed webhooks, delivery callbacks.

    `textgate up --sandbox` starts it together with everything else; alone it serves tests and other programs.

    \b
    Example:  textgate sandbox --port 9000 \\
                --webhook-url http://127.0.0.1:8080/webhooks/sms
    Then:     TEXTGATE_TWILIO_API_BASE=http://127.0.0.1:9000 textgate up
    A text:   curl http://127.0.0.1:9000/sandbox/texts \\
                -d '{"from": "+12025550123", "to": "+12025550100", "body": "Hi"}'
    """
    from cli.sandbox_home import sandbox_config
    from sandbox.server import run

    try:
        token = auth_token_file.read_text().strip() if auth_token_file else None
        setup = sandbox_config(webhook_url=webhook_url, number=number, account_sid=account_sid, auth_token=token)
        run(setup, port=port or 0, on_ready=lambda url: typer.echo(f"sandbox listening on {url}"))
    except (OSError, ValueError) as error:
        raise UsageError(f"the sandbox cannot start: {error}") from error


def _log_and_metrics(metrics_port: int | None, log_format: LogFormat | None) -> "Overrides":
    """What these options say instead of the file."""
    return {"metrics": {"port": metrics_port}, "logs": {"format": log_format}}
