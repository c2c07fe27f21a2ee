"""Judged queries of a tuning run: read, checked against the index, grouped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import InputError, UsageError
from qembed.evaluation import check_run
from qembed.evaluation.formats.source_file import counted
from qembed.evaluation.tuning import MIN_QUERIES, connected_components, make_folds
from qembed.pipeline.experiments.inputs import read_inputs
from qembed.pipeline.experiments.passage_judgments import spans_of
from qembed.types import Qrels, Query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class JudgedQueries:
    """Queries with a relevant document in the index. `qrels`: of them, by document.

    `components`: positions of the queries that share relevant documents or nearly all words.
    """

    queries: Sequence[Query]
    qrels: Qrels
    components: Sequence[Sequence[int]]

    @property
    def relevant(self) -> list[list[str]]:
        """Relevant documents of each query."""
        return [[d for d, g in self.qrels[q.id].items() if g > 0] for q in self.queries]

    def divide(self, k: int, *, aside: bool = False) -> tuple[list[int], list[list[int]]]:
        """(queries set aside; k folds of the others), whole components each.

        `aside`: set a third of the queries aside, none otherwise. Raises InputError, UsageError as
        `make_folds`, for the queries that are left.
        """
        if not aside:
            return [], make_folds(self.components, k)
        shown = set(make_folds(self.components, 3)[0])
        left = [members for members in self.components if not shown & set(members)]
        return sorted(shown), make_folds(left, k)

    def ideal_gains(self) -> npt.NDArray[np.float64]:
        """Discounted cumulative gain at 10 of the best order of each query, float64 (n,)."""
        import numpy as np

        discounts = 1 / np.log2(np.arange(2, 12))
        best = [sorted((max(g, 0) for g in self.qrels[q.id].values()), reverse=True)[:10]
                for q in self.queries]  # fmt: skip
        return np.array([float(np.dot(g, discounts[: len(g)])) for g in best])


def read_judged_queries(
    queries: Path | None,
    qrels: Path | None,
    documents: Mapping[str, object],
    warn: Callable[[str], None],
) -> JudgedQueries:
    """Read both files and keep the queries that can be used.

    `documents`: ids of the index. Judgments of passages (doc#start-end) count for their documents, with the
    highest grade. Raises UsageError without a file, InputError for files that do not belong together or hold
    fewer than MIN_QUERIES usable queries.
    """
    if queries is None or qrels is None:
        raise UsageError("--queries FILE and --qrels FILE are wanted (qembed eval init makes some)")
    if not documents:
        raise InputError(
            "the index has no documents, so there is nothing to tune (qembed index PATH)"
        )
    read = read_inputs(queries, qrels, None, "test", needs_words=True, warn=warn)
    grades = {q: dict(found) for q, found in read.qrels.items() if found}
    spans = spans_of(grades, documents)
    if spans:
        warn("judgments of passages count for their documents here")
        for query, judged in spans.items():
            for name, (document, _, _, grade) in judged.items():
                del grades[query][name]
                grades[query][document] = max(grade, grades[query].get(document, grade))
    # every judged query has a result here: only what is wrong with the files is wanted
    findings = check_run({q: {"": 0.0} for q in grades}, grades, read.queries, documents)
    if findings.errors:
        raise InputError("these files cannot tune this index:", findings.errors)
    for warning in findings.warnings:
        warn(warning)
    usable = [
        q
        for q in read.queries
        if any(g > 0 and d in documents for d, g in grades.get(q.id, {}).items())
    ]
    empty = [f"query {q.id}: no words in it" for q in usable if not q.text.strip()]
    if empty:
        raise InputError("an empty query finds nothing:", empty)
    if len(usable) < MIN_QUERIES:
        number = "1 query has" if len(usable) == 1 else f"{len(usable)} queries have"
        raise InputError(
            f"{number} a relevant document in the index, {MIN_QUERIES} is the least: with "
            "fewer no gain can be told from chance (judge more: qembed eval pool)"
        )
    kept = {q.id: grades[q.id] for q in usable}
    found = JudgedQueries(usable, kept, [])
    components = connected_components([q.text for q in usable], found.relevant)
    largest = max(map(len, components))
    if 2 * largest > len(usable):
        warn(
            f"{largest} of {len(usable)} queries share relevant documents or words with one another and are "
            f"one group: the gain is judged over {counted(len(components), 'group')} only"
        )
    return JudgedQueries(usable, kept, components)
