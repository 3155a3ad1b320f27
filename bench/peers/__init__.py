"""The same three hops on other task queues, behind the handler that people write. These files run in virtual
environments of their own, so they import the standard library, that handler's libraries and the one that each is about.
"""
