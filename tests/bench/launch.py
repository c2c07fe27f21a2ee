"""Starts one program and writes down what it cost. Run as a script, in a process of its own:

    python -I -S launch.py WHERE PROGRAM ARGUMENT …

The peak is that of the program, or of it together with the processes that it starts, seen ten times a second;
pages that they share count for each. A process's peak memory counts from its parent's at the moment it was
started, so that a benchmark that holds a model would find every child as large as itself. This parent is as
small as Python gets.
"""

import _thread
import os
import sys
import time


def resident(process: int) -> int:
    """KiB of a process and of those that it has started, in memory now."""
    try:
        with open(f"/proc/{process}/statm") as f:  # noqa: PTH123 - pathlib would make this parent larger
            pages = int(f.read().split()[1])
        with open(f"/proc/{process}/task/{process}/children") as f:  # noqa: PTH123
            below = f.read().split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024 + sum(resident(int(one)) for one in below)


def watch(process: int, most: list[int]) -> None:
    """Keep the largest that was resident."""
    while process == most[0]:
        most[1] = max(most[1], resident(process))
        time.sleep(0.1)


def main() -> int:
    """Writes `seconds peak blocks cpu` to the file WHERE; the exit code is the program's."""
    where, *program = sys.argv[1:]
    began = time.perf_counter()
    child = os.posix_spawnp(program[0], program, os.environ)
    most = [child, 0]
    if os.path.exists("/proc/self/statm"):  # noqa: PTH110
        _thread.start_new_thread(watch, (child, most))
    _, status, used = os.wait4(child, 0)
    took = time.perf_counter() - began
    most[0] = 0
    peak = max(used.ru_maxrss, most[1])
    with open(where, "w") as f:  # noqa: PTH123 - pathlib would make this parent larger
        f.write(f"{took} {peak} {used.ru_oublock} {used.ru_utime + used.ru_stime}")
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main())
