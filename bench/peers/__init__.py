"""The same three hops on other task queues. These files run in virtual environments of their own, so they import the
standard library and the library that each is about."""
