"""Starts one program and writes down what it cost. Run as a script, in a process of its own:

    python -I -S launch.py WHERE PROGRAM ARGUMENT …

A process's peak memory counts from its parent's at the moment it was started, so that a benchmark that
holds a model would find every child as large as itself. This parent is as small as Python gets.
"""

import os
import sys
import time


def main() -> int:
    """Writes `seconds peak blocks cpu` to the file WHERE; the exit code is the program's."""
    where, *program = sys.argv[1:]
    began = time.perf_counter()
    child = os.posix_spawnp(program[0], program, os.environ)
    _, status, used = os.wait4(child, 0)
    took = time.perf_counter() - began
    with open(where, "w") as f:  # noqa: PTH123 - pathlib would make this parent larger
        f.write(f"{took} {used.ru_maxrss} {used.ru_oublock} {used.ru_utime + used.ru_stime}")
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main())
