"""Ending a task that talks to Redis when it is told to end."""

import asyncio


def pass_cancellation() -> None:
    """Raise CancelledError if this task was asked to end. For loops around Redis: redis-py sends through `wait_for`,
    which in Python 3.11 swallows a cancellation that comes just as the write is done."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
