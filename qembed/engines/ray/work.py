"""Work that Ray schedules: pieces of bytes, and what a worker makes of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias


class Piece(NamedTuple):
    """Input of one task. `name`: unique, and that of its output."""

    name: str
    data: bytes


class Worker(Protocol):
    """Maker of outputs in a process of the cluster."""

    def run(self, data: bytes) -> bytes:
        """Make the output of a piece. Raises QembedError for what no worker can do."""
        ...


MakeWorker: TypeAlias = Callable[[], Worker]
"""Maker of a worker, called once in each process: it is pickled by reference."""


class Outcome(NamedTuple):
    """Result of a piece: its output, None where the worker stored it itself; or the error that ends the run.

    `node`: the machine's name there.
    """

    name: str
    node: str
    output: bytes | None = None
    error: str = ""
