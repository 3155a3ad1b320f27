"""`python -I -S limited.py BYTES PROGRAM [ARGUMENT…]`: become PROGRAM with its address space limited. Nothing else.

The limit holds for each process that the program starts, too. Imports the standard library only, and little of it: it
runs before each turn.
"""

import os
import resource
import sys


def main(words: list[str]) -> None:
    limit, *command = words
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    os.execv(command[0], command)  # noqa: S606 - an absolute program from the owner's file, never a shell


if __name__ == "__main__":
    main(sys.argv[1:])
