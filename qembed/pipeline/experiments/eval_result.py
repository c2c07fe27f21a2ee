"""Result of an evaluation: its report, its gates, and the files that were written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.errors import QembedError
from qembed.evaluation import GateResult, Report
from qembed.pipeline.indexing.summary import IndexSummary


@dataclass(slots=True)
class EvalResult:
    """Report of an evaluation, `body` as JSON. `indexed`: summary of the indexing that `--beir` needed.

    `failures`: errors that kept runs or reports from being written, to be raised once the measures are
    shown. `reports`: files that were written.
    """

    report: Report
    body: dict[str, Any]
    gates: Sequence[GateResult]
    indexed: IndexSummary | None = None
    failures: list[QembedError] = field(default_factory=list)
    reports: list[Path] = field(default_factory=list)

    def write(self, write: Callable[[Path], object], path: Path) -> bool:
        """Write a file, and keep the error of one that cannot be written; returns True if it was."""
        try:
            write(path)
        except QembedError as e:
            self.failures.append(e)
            return False
        return True

    @property
    def passed(self) -> bool:
        """True if every gate passed."""
        return all(g.ok for g in self.gates)
