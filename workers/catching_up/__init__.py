"""Catching up on inbound texts: what Twilio took while nobody answered its webhook is fetched and admitted.

`catch_up` in `run.py` is the entrance. The cursor starts when an account is first seen, so nobody's history is
imported; a text goes through the same admission as a webhook, so whichever of the two comes second is a duplicate.
"""
