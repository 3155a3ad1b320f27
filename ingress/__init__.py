"""The public ASGI app: webhook, delivery callbacks, health.

Thin: it checks, admits and answers; it never does the work.
"""
