"""Whole processes: how long they take and the most memory they ever held."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    seconds: float
    mib: float
    out: str
    err: str


def run(args: Sequence[str], env: Mapping[str, str]) -> Ran:
    """One process, waited for with its own peak memory (the system's count for this child alone)."""
    began = time.perf_counter()
    with subprocess.Popen(
        args, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as p:
        assert p.stdout is not None
        assert p.stderr is not None
        out, err = p.stdout.read(), p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        took = time.perf_counter() - began
        p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        sys.exit(f"{' '.join(args)[:200]} ended with {p.returncode}:\n{err[-2000:]}")
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Ran(took, usage.ru_maxrss / scale, out, err)


def in_turn(
    programs: Sequence[Sequence[str]], env: Mapping[str, str], rounds: int
) -> list[list[Ran]]:
    """For each program its `rounds` runs, made A B C A B C …"""
    found: list[list[Ran]] = [[] for _ in programs]
    for _ in range(rounds):
        for runs, args in zip(found, programs, strict=True):
            runs.append(run(args, env))
    return found


def seconds(runs: Sequence[Ran]) -> float:
    """The median."""
    return statistics.median(r.seconds for r in runs)


def ratio(ours: Sequence[Ran], other: Sequence[Ran]) -> float:
    """The median of the turns' ratios."""
    return statistics.median(a.seconds / b.seconds for a, b in zip(ours, other, strict=True))


def mib(runs: Sequence[Ran]) -> float:
    """The largest."""
    return max(r.mib for r in runs)
