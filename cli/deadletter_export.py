"""`textgate deadletter export`: dead letters as JSON lines, for keeping a copy or for another program."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from cli.channels_words import plural
from cli.deadletter_select import Account, Code, Filter, Reveal, StageOption
from cli.options import ConfigOption, StateDirOption, common
from cli.target import Target, find_target, opened
from shared.errors import UsageError


def add_to(group: typer.Typer) -> None:
    """Register the command."""
    group.command(short_help="Write them out as JSON lines.")(export)


def export(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new file, for your eyes only. Else: stdout.")
    ] = None,
    account: Account = None,
    stage: StageOption = None,
    code: Code = None,
    reveal: Reveal = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Write dead letters as JSON lines, the first buried first. They stay where they are.

    Each line is what `textgate deadletter show ID --json` prints. Numbers are masked and words left out, unless you
    say --reveal. A file that exists is not touched: exit status 1.

    \b
    Example:  textgate deadletter export --reveal --out dead.jsonl
    Then:     textgate deadletter drop --older-than 30d
    """
    wanted = Filter.of(account=account, stage=stage, code=code)
    target = find_target(common(context, config, state_dir))
    with _opened_file(out) as stream:
        written = asyncio.run(write(target, wanted, stream, reveal=reveal))
    if out is not None:
        typer.echo(f"Wrote {plural(written, 'dead letter')} to {out}.")


async def write(target: Target, wanted: Filter, stream: TextIO, *, reveal: bool) -> int:
    """One line for each letter that is wanted; how many."""
    from cli.deadletter_story import load_story
    from cli.deadletter_words import story_as_json
    from shared.dead_letters import load_letters, see

    written: list[str] = []
    async with opened(target) as (redis, keys):
        async for kept in load_letters(redis, keys):
            if wanted.matches(kept.letter):
                story = await load_story(redis, keys, kept.letter)
                stream.write(json.dumps(story_as_json(story, reveal=reveal), ensure_ascii=False) + "\n")
                written.append(kept.letter.letter_id)
        await see(redis, keys, written)
    return len(written)


@contextmanager
def _opened_file(out: Path | None) -> Iterator[TextIO]:
    """Stdout, or a new file that only its owner may read. Raises UsageError if it cannot be made."""
    if out is None:
        yield typer.get_text_stream("stdout")
        return
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"--out: cannot make {out}: {error.strerror}; name another file") from error
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        yield stream
