"""Ground floor: settings, errors, phone numbers, records, Redis keys, Lua scripts.

Imports no other package of ours.
"""
