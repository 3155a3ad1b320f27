"""`agent.kind: "command"`: a program, started for each turn: the turn as JSON on stdin, the answer on stdout.

An exit status other than 0 fails the turn, to be tried again; what the program wrote to stderr goes to the log and, if
the turn is given up, to the dead letter.
"""

from shared.agent_backends import CommandBackend
from shared.errors import TransientError
from shared.logs import logger
from shared.settings_agent import CommandOutput
from workers.agents.contract import Answer, Turn
from workers.agents.failures import shorten
from workers.agents.program import run_program
from workers.agents.wire import decode_answer, encode_turn

log = logger(__name__)


class CommandAgent:
    """One program."""

    def __init__(self, backend: CommandBackend) -> None:
        self._backend = backend

    async def __call__(self, turn: Turn) -> Answer:
        ended = await run_program(self._backend, encode_turn(turn))
        if ended.status != 0:
            how = f"was killed by signal {-ended.status}" if ended.status < 0 else f"ended with status {ended.status}"
            said = shorten(ended.stderr.decode(errors="replace"))
            log.warning("command_failed", conversation=turn.conversation, status=ended.status, stderr=said)
            raise TransientError(f"the command {how}{f': {said}' if said else ''}", code="agent-command-failed")
        if self._backend.output is CommandOutput.JSON:
            return decode_answer(ended.stdout) if ended.stdout.strip() else None
        return ended.stdout.decode(errors="replace").strip("\n")
