"""A training with its progress, which a signal stops with a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qembed.cli.console import Console, StopSignals
from qembed.pipeline.progress import Progress


@contextmanager
def training_run(talk: Console) -> Iterator[Progress]:
    """Show the progress of a training; SIGINT, SIGTERM and SIGHUP are asked for between two steps."""
    signals = StopSignals()
    with signals.caught(talk), talk.progress(stop=signals) as progress:
        yield progress
