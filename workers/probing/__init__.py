"""The probe worker: every account, once per interval over any number of replicas.

`run.py` is the process, `plan.py` keeps one job per account, `round.py` is what the job does: probe, tell, let a paused
account go on, catch up on inbound texts.
"""
