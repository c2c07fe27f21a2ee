"""Whole processes: how long they take and the most memory they ever held."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Ran:
    """A process that ended: seconds of wall clock and of CPU, MiB at its peak, MB it wrote, what it said."""

    seconds: float
    mib: float
    wrote: float
    out: str
    err: str
    cpu: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(
    args: Sequence[str],
    env: Mapping[str, str],
    cwd: Path | None = None,
    codes: Collection[int] = (0,),
) -> Ran:
    """One process, with the system's counts for it alone. Ends this one on an exit code not in `codes`."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "cost"
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(LAUNCH), str(where), *args],
            env=dict(env), cwd=cwd, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode not in codes:
            sys.exit(f"{' '.join(args)[:200]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        took, peak, blocks, cpu = map(float, where.read_text().split())
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Ran(took, peak / scale, blocks * 512 / 1e6, done.stdout, done.stderr, cpu)


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
