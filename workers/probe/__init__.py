"""Does Twilio's side fit the configuration? Facts are fetched, compared, and told as findings with a repair.

The seam for whoever runs it (the command line, a worker, a console):

    async with opened_twilio(settings) as twilio:
        result = await probe_account(twilio, account, ProbeContext(settings=settings, redis=redis))

`result` is a `ProbeResult`: a Struct without secrets and without the numbers or words of other people, fit for JSON,
msgpack, Redis and logs. `result.changes` is what `workers/probe/repair.py` can carry out and undo. Nothing here writes
anything but `apply_change`.
"""


def __getattr__(name: str) -> type:
    """`WorkerSettings` for `arq workers.probe.WorkerSettings`, made when it is asked for. See `workers/stock.py`."""
    if name != "WorkerSettings":
        raise AttributeError(name)
    from workers.stock import probe_settings

    return probe_settings()
