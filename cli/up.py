"""`textgate up`: the whole gateway on one machine, in one process tree.

The order: lock the state folder, start Redis, start everybody else, say when all are ready, keep them running; at the
end probe, ingress, workers, sandbox and, last of all, Redis. The decisions lie in `plan.py`, the care for the children
in `supervisor.py`.
"""

import asyncio
import os
from typing import Annotated

import typer

from cli.options import ConfigOption, StateDirOption, common
from cli.state_dir import only_one

_PortOption = Annotated[
    int | None,
    typer.Option(
        "--port", metavar="PORT", min=1, max=65535, help="With --sandbox: port of the ingress. Else: a free one."
    ),
]
_SandboxPortOption = Annotated[
    int | None,
    typer.Option(
        "--sandbox-port",
        metavar="PORT",
        min=1,
        max=65535,
        help="With --sandbox: port of the stand-in. Else: a free one.",
    ),
]
_AgentOption = Annotated[
    str | None,
    typer.Option("--agent", metavar="MODULE:CALLABLE", help="With --sandbox: your own Python agent. Else: an echo."),
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(short_help="Run everything on this machine: Redis, ingress, workers.")(up)


def up(
    context: typer.Context,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="With a local stand-in for Twilio: no account and no key needed.")
    ] = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    port: _PortOption = None,
    sandbox_port: _SandboxPortOption = None,
    agent: _AgentOption = None,
) -> None:
    """Run everything on this machine until Ctrl-C: Redis, ingress, and a worker of each kind.

    Without redis.url it starts a Redis of its own, on a private socket, with every text on disk before Twilio hears
    200. What crashes is started again. Ctrl-C stops in order and loses nothing; once more, a moment later, it
    kills what is left.

    \b
    Try it:   textgate up --sandbox
    For real: textgate config validate && textgate up
    Then:     textgate pairing list   (in a second terminal: it finds this one)
    """
    from cli.gateway import Gateway
    from cli.plan import plan_gateway, plan_sandbox, sandbox_folder

    said = common(context, config, state_dir)
    if sandbox:
        if said.config:
            raise typer.BadParameter("--sandbox makes a configuration of its own: leave out --config")
        folder = sandbox_folder(said, os.environ)
        with only_one(folder):  # before the plan, which writes the configuration
            plan = plan_sandbox(folder, os.environ, port=port, sandbox_port=sandbox_port, agent=agent)
            status = asyncio.run(Gateway(plan).run())
    else:
        if port or sandbox_port or agent:
            raise typer.BadParameter(
                "--port, --sandbox-port and --agent belong to --sandbox; without it set ingress.port, and "
                "agent.callable with agent.kind python, in the configuration"
            )
        plan = plan_gateway(said, os.environ)
        with only_one(plan.state_dir):
            status = asyncio.run(Gateway(plan).run())
    raise typer.Exit(status)
