"""`qembed tune`: judged queries to the settings of an index, and the gain that new queries can expect.

judged queries -> texts of every instruction, encoded -> search on all of them: the choice
               -> search on four fifths, judged on the last, five times: the gain
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import IndexDamaged, QembedError, UsageError
from qembed.evaluation.tuning import (
    Gain,
    held_out_gains,
    judge,
    queries_with_seen_documents,
    random_folds,
    selection_p,
)
from qembed.inputs import is_folder
from qembed.models.remote.chat import RemoteChat
from qembed.outputs import check_outputs
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.experiments.tuning import arms
from qembed.pipeline.experiments.tuning.judged_queries import JudgedQueries, read_judged_queries
from qembed.pipeline.experiments.tuning.kept import pair_cache
from qembed.pipeline.experiments.tuning.proposals import propose_from_corpus
from qembed.pipeline.experiments.tuning.scores import MEASURE, Scores
from qembed.pipeline.experiments.tuning.search import Space, Step, search
from qembed.pipeline.experiments.tuning.spaces import (
    make_space,
    with_remote_proposals,
    with_signals,
    write_candidates,
)
from qembed.pipeline.progress import Progress
from qembed.pipeline.provenance.provenance import origin_json
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.tuned_setting import (
    LOCK_WAIT,
    apply_choice,
    changed_options,
    described_files,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

APPLY = ("beyond-chance", "anyway", "never")
"""When the choice is written: if its gain is beyond chance, if there is any choice, never."""


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """Options of a tuning run, as the user wrote them.

    `candidates`: file of instructions, None for those that the corpus suggests. `propose`: address of a
    language model that suggests more. `write_candidates`: file for all that were tried. `wait`: seconds to
    wait for another writer.
    """

    queries: Path | None
    qrels: Path | None
    only: str | None = None
    candidates: Path | None = None
    rerankers: Sequence[str] = ()
    folds: int = 5
    apply: str = "beyond-chance"
    model: str | None = None
    propose: str | None = None
    write_candidates: Path | None = None
    wait: float = LOCK_WAIT


@dataclass(slots=True)
class Tuning:
    """Result of a tuning run.

    `steps`: of the search on all queries; the last has the choice. `new`: expected gain on queries about
    documents that the choice has not seen; `seen`: on queries about documents that it has, None if no two
    queries share one. `measured`: values of each query under all settings tried, float64 (n,). `earlier`:
    the choice that the index had. `failure`: error that kept the choice or a file from being written, to be
    raised once the result is shown. `origin`: see `origin_json`.
    """

    judged: JudgedQueries
    folds: list[list[int]]
    steps: list[Step]
    new: Gain
    seen: Gain | None
    measured: dict[QueryOptions, Values]
    fold_choices: list[QueryOptions]
    applied: bool = False
    earlier: Mapping[str, Any] | None = None
    failure: QembedError | None = None
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> QueryOptions:
        """Settings that the others are compared with."""
        return self.steps[0].options

    @property
    def chosen(self) -> QueryOptions:
        """Settings that the search ended with."""
        return self.steps[-1].options

    @property
    def is_better(self) -> bool:
        """True if there is a choice, and its expected gain is beyond chance."""
        return self.chosen != self.base and self.new.beyond_chance()

    def gain_json(self) -> dict[str, Any]:
        """Expected gains."""
        seen = None if self.seen is None else self.seen.to_json()
        return {"measure": MEASURE, "new": self.new.to_json(), "seen": seen}

    def to_json(self) -> dict[str, Any]:
        """JSON object, as `--format json` prints it."""
        names = [q.id for q in self.judged.queries]
        before, after = self.measured[self.base], self.measured[self.chosen]
        return {
            "schema": 1,
            "chosen": changed_options(self.chosen),
            "description": arms.describe(self.chosen),
            "better": self.is_better,
            "applied": self.applied,
            "earlier": None if self.earlier is None else dict(self.earlier["options"]),
            "gain": self.gain_json(),
            "measures": {
                "before": {MEASURE: float(before.mean())},
                "after": {MEASURE: float(after.mean())},
            },
            "steps": [step.to_json() for step in self.steps],
            "arms": [
                {
                    "settings": changed_options(options),
                    "description": arms.describe(options),
                    "measures": {MEASURE: float(values.mean())},
                }
                for options, values in self.measured.items()
            ],
            "folds": [[names[i] for i in fold] for fold in self.folds],
            "fold_choices": [changed_options(options) for options in self.fold_choices],
            "per_query": {
                name: {"query": q.text, "before": float(b), "after": float(a)}
                for name, q, b, a in zip(names, self.judged.queries, before, after, strict=True)
            },
            **self.origin,
            "warnings": list(self.warnings),
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
        }


def tune(
    root: Path,
    options: TuneOptions,
    progress: Progress | None = None,
) -> Tuning:
    """Search the settings of the index at `root`, judge the choice, and write it as the options say.

    Raises UsageError, InputError for files that cannot be used, ModelUnavailable, KeyboardInterrupt if
    `progress` was stopped; nothing is written then.
    """
    progress = progress or Progress()
    axes = arms.parse_axes(options.only)
    if options.only and "rerank" in axes and not options.rerankers:
        raise UsageError("--only rerank names no reranker: give one, as in --rerank late")
    if options.apply not in APPLY:
        raise UsageError(f"--apply {options.apply}: one of {', '.join(APPLY)} is wanted")
    check_outputs([options.write_candidates])
    lines = [] if options.candidates is None else arms.read_candidates(options.candidates)
    # a folder is found again from wherever the index is asked
    rerankers = [str(Path(r).absolute()) if is_folder(Path(r)) else r for r in options.rerankers]
    chat = None if options.propose is None else RemoteChat(options.propose)
    warnings: list[str] = []
    began = time.perf_counter()
    with Session(root, options.model) as session:
        manifest = session.snapshot.manifest
        known = dict.fromkeys(session.snapshot.catalog.ids())
        judged = read_judged_queries(options.queries, options.qrels, known, warnings.append)
        shown, folds = judged.divide(options.folds, aside=chat is not None)
        keep = partial(pair_cache, session.recipe.fingerprint)
        builder = RunBuilder(session, judged.queries, judged.qrels, progress, keep)
        scores = Scores(builder, judged, progress)
        if options.candidates is None and arms.takes_instructions(session):
            lines = propose_from_corpus(session, judged.queries)
        space = make_space(builder, axes, lines, rerankers, warnings.append)
        scores.encode([space.base, *space.instructions.values()])
        if chat is not None:
            space = with_remote_proposals(chat, space, builder, judged, shown, scores)
        space = with_signals(space, scores)
        progress.phase("arms", "settings", None)
        found = _judge(judged, shown, folds, space, scores)
        found.warnings = [*warnings, *builder.refused_pairs()]
        found.earlier = manifest.tuned
        found.origin = origin_json(session.snapshot)
        found.seconds = {"total": time.perf_counter() - began, **session.timer}
        data = described_files({"queries": _given(options.queries), "qrels": _given(options.qrels)})
    wanted = options.apply == "anyway" or (options.apply == "beyond-chance" and found.is_better)
    try:
        if options.write_candidates is not None:
            write_candidates(options.write_candidates, space, scores)
        if found.chosen != found.base and wanted:
            found.applied = apply_choice(
                root,
                (manifest.uid, manifest.generation),
                changed_options(found.chosen),
                found.gain_json(),
                data,
                options.wait,
            )
            if not found.applied:
                raise IndexDamaged(
                    "the index was rebuilt meanwhile: nothing is written (tune again)"
                )
    except QembedError as e:
        found.failure = e
    return found


def _given(path: Path | None) -> Path:
    assert path is not None, "read_judged_queries has refused it"
    return path


def _judge(
    judged: JudgedQueries, shown: list[int], folds: list[list[int]], space: Space, scores: Scores
) -> Tuning:
    """Search on all queries, and on the parts that leave a fold out; the `shown` ones are in all parts."""
    import numpy as np

    everything = np.arange(len(judged.queries))
    steps = search(space, scores, everything)

    def choose(positions: npt.NDArray[np.int64]) -> QueryOptions:
        always = np.union1d(positions, np.array(shown, dtype=np.int64))
        return search(space, scores, always)[-1].options

    held_out = held_out_gains(folds, choose, scores, space.base)

    def chance(folds: list[list[int]]) -> float:
        table = np.array([values - scores(space.base) for values in scores.measured.values()])
        cost = [arms.complexity(options) for options in scores.measured]
        return selection_p(table, cost, folds, judged.components)

    new = judge(MEASURE, held_out.gains, judged.components, chance(folds))
    assert new is not None, "folds hold queries"
    seen = None
    inside = sorted(i for fold in folds for i in fold)
    at_random = [[inside[i] for i in part] for part in random_folds(len(inside), len(folds))]
    shared = queries_with_seen_documents(at_random, judged.relevant)
    if len(shared):
        gains = held_out_gains(at_random, choose, scores, space.base).gains
        left_out = np.full(len(gains), math.nan)
        left_out[shared] = gains[shared]
        seen = judge(MEASURE, left_out, judged.components)
    return Tuning(judged, folds, steps, new, seen, scores.measured, held_out.chosen)
