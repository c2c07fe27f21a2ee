"""Evidence of an evaluation: the run with its inputs and circumstances, and whether they belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qembed.errors import InputError, about
from qembed.evaluation import check_run
from qembed.evaluation.consistency import input_errors
from qembed.pipeline.experiments.inputs import EvalInputs
from qembed.pipeline.experiments.run_builder import BuiltRun
from qembed.pipeline.indexing.summary import IndexSummary


@dataclass(slots=True)
class Evidence:
    """Run with its inputs and circumstances, from which a report is made.

    `documents`: id -> content digest, None without an index. `known`: ids that judgments may name, None
    where that cannot be said. `variants`, `recommendations`: of ablations or further runs.
    """

    inputs: EvalInputs
    settings: dict[str, Any]
    built: BuiltRun = field(default_factory=lambda: BuiltRun({}))
    documents: Mapping[str, bytes] | None = None
    known: set[str] | None = None
    recipe: Mapping[str, Any] | None = None
    latency: Mapping[str, Any] | None = None
    variants: list[dict[str, Any]] = field(default_factory=list)
    recommendations: list[str] = field(default_factory=list)
    indexed: IndexSummary | None = None
    warnings: list[str] = field(default_factory=list)

    def check(self) -> list[str]:
        """Check that run, judgments and queries belong together; returns warnings. Raises InputError."""
        inputs = self.inputs
        findings = check_run(self.built.run, inputs.qrels, inputs.queries, self.known)
        if not findings.errors:
            return findings.warnings
        reasons = [w for w in self.warnings if "half made" in w]
        option = "--qrels" if input_errors(inputs.qrels, inputs.queries) else ""
        if not any(self.built.run.values()):
            reasons += [w for w in self.built.warnings if w not in reasons]
            option = option or ("--where" if self.settings.get("where") else "")
        with about(*filter(None, [option])):
            raise InputError("this cannot be evaluated:", [*findings.errors, *reasons])
