"""`qembed eval --ablate`: the same queries under several settings, one thing changed at a time or in a grid.

An axis is a list of choices, each a change of the query's options (or of the stored vectors' dimension). The
product of the axes' choices is a grid of variants. Texts are encoded once for all variants: queries are
cached by the text that is encoded, a reranker scores the pairs of all variants in one call, and dimensions
are cut from the stored vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal

from qembed.errors import InputError, UsageError
from qembed.evaluation import Measure, check_run, cutoff, evaluate
from qembed.evaluation.comparison import Variant, recommend, variants_json
from qembed.models import TASKS
from qembed.pipeline.experiments import run_builder
from qembed.pipeline.experiments.caching import truncated_session
from qembed.pipeline.experiments.run_builder import BuiltRun, RunBuilder
from qembed.pipeline.retrieval.options import MODES, QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.types import Qrels

EFS = (10, 20, 50, 100, 200, 400)
"""Breadths of the graph search that are tried."""
MIN_DIM = 32
"""Smallest dimension that is tried."""
UNLIMITED_DEPTH = 1000
"""Depth of a measure without a cutoff."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an axis. `change`: fields of the query's options; `dim`: vectors are cut to it.

    `reference`: the choice that the user's own options stand for.
    """

    name: str | int
    change: Mapping[str, Any] = field(default_factory=dict)
    dim: int | None = None
    reference: bool = False


@dataclass(frozen=True, slots=True)
class AblationResult:
    """Variants as the report's JSON has them, the recommendation, and warnings."""

    variants: list[dict[str, Any]]
    recommendation: str
    warnings: list[str]


# ── axes ─────────────────────────────────────────────────────────────────────────────────────────


def instruction_choices(session: Session, query: QueryOptions) -> list[Choice]:
    """Choices: no instruction, the configured one, the model's own, its own prompts, and named tasks.

    Named tasks are tried only where a template has a place for them: another model was not trained with
    them, and its result would say nothing of instructions.
    """
    profile = session.loaded.model.profile
    template = query.template or profile.query
    bare = not query.instruction or template == "{query}"
    own = query.task or session.snapshot.manifest.settings.get("task")
    choices = [Choice("without", {"instruction": False}, reference=bare)]
    known = None
    if not bare:
        named = (own or profile.task or TASKS["web"]).strip()
        known = next((n for n in dict(profile.prompts) if named == n), None) or next(
            (n for n, text in TASKS.items() if named in (n, text)), None
        )
        label = f"with ({known or 'its own'})" if own or "{task}" in template else "with"
        choices.append(Choice(label, {"instruction": True}, reference=True))
    if bare and profile.query != "{query}":
        template = profile.query
        if "{task}" not in template:
            change = {"instruction": True, "template": None, "task": None}
            choices.append(Choice("the model's", change))
    elif query.template and profile.query not in (query.template, "{query}"):
        choices.append(Choice("the model's", {"instruction": True, "template": None}))
    tasks = (*dict(profile.prompts), *(TASKS if "{task}" in template else ()))
    for name in dict.fromkeys(tasks):
        if name != known:
            change = {"instruction": True, "task": name}
            if bare or name in dict(profile.prompts):
                change["template"] = None
            choices.append(Choice(name, change))
    return choices


def _scope(session: Session, axes: Sequence[str], query: QueryOptions) -> list[str]:
    """Message on the instructions that are not tried, none if all are."""
    profile = session.loaded.model.profile
    if "instruction" not in axes or "{task}" in (query.template or "") + profile.query:
        return []
    tried = "its own prompts and none" if profile.query != "{query}" or profile.prompts else "none"
    return [
        f"ablation of instruction: {session.recipe.model} was not trained with instructions, as far as is "
        f"known; tried: {tried} (--template TEXT tries another)"
    ]


def modes(session: Session) -> list[str]:
    """List the search modes this index supports, without `auto`, which resolves to one of them."""
    lexical = session.search.lexical is not None
    return [mode for mode in MODES if mode == "dense" or (lexical and mode != "auto")]


def _mode(session: Session, query: QueryOptions) -> list[Choice]:
    found = [Choice(mode, {"mode": mode}, reference=mode == query.mode) for mode in modes(session)]
    if query.mode in modes(session):
        return found
    return [Choice(query.mode, {}, reference=True), *found]


def _rerank(_: Session, query: QueryOptions) -> list[Choice]:
    spec = query.rerank or "late"
    return [
        Choice("without", {"rerank": None}, reference=not query.rerank),
        Choice(spec, {"rerank": spec}, reference=bool(query.rerank)),
    ]


def _search(session: Session, _: QueryOptions) -> list[Choice]:
    """Choices: the graph from narrow to broad, then exact search, the reference and the most expensive."""
    if session.search.plan(1, "graph").kind != "graph":
        raise UsageError(
            "--ablate search: the index has no graph to compare (qembed index makes it)"
        )
    found = [Choice(f"graph ef {ef}", {"search": "graph", "ef": ef}) for ef in EFS]
    return [*found, Choice("exact", {"search": "exact"}, reference=True)]


def _dim(session: Session, _: QueryOptions) -> list[Choice]:
    """Choices: the stored dimension halved repeatedly, then the whole."""
    full = session.recipe.dim
    sizes = [full]
    while sizes[-1] // 2 >= MIN_DIM:
        sizes.append(sizes[-1] // 2)
    if len(sizes) == 1:
        sizes.append(max(1, full // 2))
    return [
        Choice(size, {"search": "exact"}, size, reference=size == full) for size in reversed(sizes)
    ]


AXES: dict[str, Callable[[Session, QueryOptions], list[Choice]]] = {
    "instruction": instruction_choices,
    "mode": _mode,
    "rerank": _rerank,
    "search": _search,
    "dim": _dim,
}
CHEAPER: Mapping[str, Literal["time", "size"]] = {"search": "time", "dim": "size"}
"""Axes on which a choice that does as well as the reference may be cheaper, and in what."""
TIMED_PASSES = 5
"""Passes over the queries in which choices are timed, where time is what they may save."""
TIMING_SECONDS = 2.0
"""Searching time from which no further pass begins."""


def parse_ablations(texts: Sequence[str]) -> list[list[str]]:
    """Parse `instruction` or a grid such as `mode,rerank` each. Raises one UsageError for all mistakes."""
    found = [[name.strip() for name in text.split(",")] for text in texts]
    wrong = [
        text
        for text, names in zip(texts, found, strict=True)
        if not set(names) <= set(AXES) or len(set(names)) < len(names)
    ]
    if wrong:
        raise UsageError(
            f"--ablate {', '.join(wrong)}: one of {', '.join(AXES)}, or several with commas for a grid"
        )
    return found


# ── variants ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _GridPoint:
    """Combination of one choice of each axis, and the query's options that follow."""

    choices: tuple[Choice, ...]
    query: QueryOptions

    @classmethod
    def of(cls, choices: tuple[Choice, ...], query: QueryOptions) -> _GridPoint:
        """Apply the choices to the user's options."""
        changes: dict[str, Any] = {}
        for choice in choices:
            changes.update(choice.change)
        if any(choice.dim is not None for choice in choices):
            changes["search"] = "exact"
        return cls(choices, replace(query, **changes))

    @property
    def label(self) -> str:
        """Names of the choices."""
        return " · ".join(str(c.name) for c in self.choices)

    def rank(self, builder: RunBuilder) -> BuiltRun:
        """Build the run under these options."""
        dim = next((c.dim for c in self.choices if c.dim is not None), None)
        session = builder.session
        if dim is not None and dim != session.recipe.dim:
            session = truncated_session(session, dim)
        return builder.rank(self.query, session, self.label)


def ablate(
    builder: RunBuilder,
    axes: Sequence[str],
    query: QueryOptions,
    measures: Sequence[Measure],
    qrels: Qrels,
    alpha: float,
) -> AblationResult:
    """Run every variant of one ablation and compare them with the reference.

    Raises InputError for a variant without any hit: that is a broken one, not a bad one.
    """
    deep = query
    query, measures = _limit_depth(axes, query, measures)
    choices = product(*(AXES[name](builder.session, query) for name in axes))
    grid = [_GridPoint.of(combination, query) for combination in choices]
    if "search" not in axes:
        grid = [replace(point, query=run_builder.deep_enough(point.query)) for point in grid]
    reference = next((i for i, p in enumerate(grid) if all(c.reference for c in p.choices)), 0)
    _score_pairs_together(builder, grid)
    warnings = _scope(builder.session, axes, query)
    if query.k < deep.k and run_builder.weighs_candidates(query) and not builder.one_passage_each:
        warnings.append(
            f"ablation of search: {query.k} documents are searched for, as {measures[0].name} needs, and "
            f"fewer candidates weighed than for the {deep.k} of the run above"
        )
    variants = [_measure(builder, point, axes, measures, qrels, warnings) for point in grid]
    title, first = ",".join(axes), measures[0].name
    cheaper = CHEAPER.get(axes[0]) if len(axes) == 1 else None
    if cheaper == "time":
        variants = _timed_again(builder, grid, variants)
    return AblationResult(
        variants_json(title, variants, reference, first),
        recommend(title, variants, reference, first, cheaper=cheaper, alpha=alpha),
        warnings,
    )


def _score_pairs_together(builder: RunBuilder, grid: Sequence[_GridPoint]) -> None:
    """Collect the pairs of all variants with a reranker, then score them in one call for each reranker."""
    reranked = [point for point in grid if builder.reranker(point.query) is not None]
    with ExitStack() as stack:
        for options in {point.query.rerank: point.query for point in reranked}.values():
            reranker = builder.reranker(options)
            assert reranker is not None
            stack.enter_context(reranker.collecting())
        for point in reranked:
            point.rank(builder)


def _measure(
    builder: RunBuilder,
    point: _GridPoint,
    axes: Sequence[str],
    measures: Sequence[Measure],
    qrels: Qrels,
    warnings: list[str],
) -> Variant:
    built = point.rank(builder)
    findings = check_run(built.run, qrels, builder.queries, None)
    if findings.errors:
        raise InputError(f"the arm {point.label!r} cannot be measured:", findings.errors)
    silent = [q for q in qrels if qrels[q] and not built.run.get(q)]
    if silent:
        warnings.append(
            f"ablation arm {point.label!r}: queries without hits, which count 0: {len(silent):,}"
        )
    # a reranker's pairs were scored for all variants at once: no time can be told
    ms = None if point.query.rerank else built.ms_per_query
    chosen = {name: choice.name for name, choice in zip(axes, point.choices, strict=True)}
    return Variant(chosen, evaluate(measures, qrels, built.run), ms)


def _timed_again(
    builder: RunBuilder, grid: Sequence[_GridPoint], variants: Sequence[Variant]
) -> list[Variant]:
    """Give each variant the least time of several passes, in turns; one alone is chance."""
    least = [variant.ms_per_query for variant in variants]
    if any(ms is None for ms in least):
        return list(variants)
    times = [ms for ms in least if ms is not None]
    one_pass = sum(times) * len(builder.queries) / 1000
    for _ in range(min(TIMED_PASSES - 1, int(TIMING_SECONDS / max(one_pass, 1e-9)))):
        found = [point.rank(builder).ms_per_query for point in grid]
        times = [min(a, a if b is None else b) for a, b in zip(times, found, strict=True)]
    return [replace(v, ms_per_query=ms) for v, ms in zip(variants, times, strict=True)]


def _limit_depth(
    axes: Sequence[str], query: QueryOptions, measures: Sequence[Measure]
) -> tuple[QueryOptions, list[Measure]]:
    """Limit variants of `search` to the depth of the first measure, and to the measures that leaves.

    A graph search for k results is never narrower than k: a deep run would hide what a small ef does to
    users who ask for ten.
    """
    if "search" not in axes:
        return query, list(measures)
    first = cutoff(measures[0].name) or UNLIMITED_DEPTH
    kept = [m for m in measures if (cutoff(m.name) or UNLIMITED_DEPTH) <= first]
    return replace(query, k=first), kept
