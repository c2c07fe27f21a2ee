"""`qembed eval --ablate`: the same queries in several ways, one thing changed at a time or in a grid.

An axis is a list of choices, each a change of what is asked (or of the stored vectors' dimension). The
first axis' choices times the second's … are the arms. Texts are encoded once for all arms: queries are
kept by their finished text, a reranker scores the pairs of all arms in one call, dimensions are cut
from the stored vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.evaluation import Measure, Report, check_run, cutoff, evaluate
from qembed.evaluation.comparison import Variant, recommend, variants_json
from qembed.models import PROFILES, TASKS
from qembed.pipeline.experiments.caching import truncated_session
from qembed.pipeline.experiments.run_builder import BuiltRun, RunBuilder
from qembed.pipeline.retrieval.options import MODES, QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.types import Qrels

EFS = (10, 20, 50, 100, 200, 400)
"""Breadths of the graph search that are tried."""
SMALLEST = 32
"""Below so many dimensions nothing is left to search by."""
DEEPEST = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an axis: its name, what it changes of the question, what it cuts vectors to."""

    name: str | int
    change: Mapping[str, Any] = field(default_factory=dict)
    dim: int | None = None
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ablation found: its arms for the report, and the recommendation."""

    arms: list[dict[str, Any]]
    recommendation: str


def _instruction(session: Session, asked: QueryOptions) -> list[Choice]:
    """Without; as the model or the user has it; and with each named task.

    A model whose profile has no place for a task is tried with Qwen3's wording of one.
    """
    profile = session.loaded.model.profile
    template = asked.template or profile.query
    bare = not asked.instruction or template == "{query}"
    worded = template if "{task}" in template else _worded()
    own = asked.task or session.snapshot.manifest.settings.get("task")
    choices = [Choice("without", {"instruction": False}, reference=bare)]
    if not bare:
        named = own or (profile.task if "{task}" in template else None)
        known = next((n for n, text in TASKS.items() if named in (n, text)), None)
        label = f"with ({known or 'its own'})" if "{task}" in template else "with"
        choices.append(Choice(label, {"instruction": True}, reference=True))
        tasks = {n: t for n, t in TASKS.items() if "{task}" not in template or n != known}
    else:
        tasks = TASKS
    for name in tasks:
        choices.append(Choice(name, {"instruction": True, "template": worded, "task": name}))
    return choices


def _worded() -> str:
    return next(p.query for p in PROFILES if p.query.startswith("Instruct: {task}\nQuery:{query}"))


def modes(session: Session) -> list[str]:
    """The modes this index can answer in, without `auto`, which is one of them by circumstances."""
    worded = session.search.lexical is not None
    return [mode for mode in MODES if mode == "dense" or (worded and mode != "auto")]


def _mode(session: Session, asked: QueryOptions) -> list[Choice]:
    found = [Choice(mode, {"mode": mode}, reference=mode == asked.mode) for mode in modes(session)]
    if asked.mode in modes(session):
        return found
    return [Choice(asked.mode, {}, reference=True), *found]


def _rerank(_: Session, asked: QueryOptions) -> list[Choice]:
    spec = asked.rerank or "late"
    return [
        Choice("without", {"rerank": None}, reference=not asked.rerank),
        Choice(spec, {"rerank": spec}, reference=bool(asked.rerank)),
    ]


def _search(session: Session, _: QueryOptions) -> list[Choice]:
    """The graph from narrow to broad, then every vector: the reference, and the dearest."""
    if session.search.plan(1, "graph").kind != "graph":
        raise UsageError(
            "--ablate search: the index has no graph to compare (qembed index makes it)"
        )
    found = [Choice(f"graph ef {ef}", {"search": "graph", "ef": ef}) for ef in EFS]
    return [*found, Choice("exact", {"search": "exact"}, reference=True)]


def _dim(session: Session, _: QueryOptions) -> list[Choice]:
    """Halves of the stored dimension, then all of it."""
    full = session.recipe.dim
    sizes = [full]
    while sizes[-1] // 2 >= SMALLEST:
        sizes.append(sizes[-1] // 2)
    if len(sizes) == 1:
        sizes.append(max(1, full // 2))
    return [
        Choice(size, {"search": "exact"}, size, reference=size == full) for size in reversed(sizes)
    ]


AXES: dict[str, Callable[[Session, QueryOptions], list[Choice]]] = {
    "instruction": _instruction,
    "mode": _mode,
    "rerank": _rerank,
    "search": _search,
    "dim": _dim,
}
BY_COST = ("search", "dim")
"""Axes whose choices go from cheap to dear."""


def parse_ablations(texts: Sequence[str]) -> list[list[str]]:
    """`instruction` or `mode,rerank` (a grid) each. Raises one UsageError for all that are neither."""
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


def ablate(
    ranker: RunBuilder,
    names: Sequence[str],
    asked: QueryOptions,
    measures: Sequence[Measure],
    qrels: Qrels,
    say: Callable[[str], None],
    alpha: float,
) -> Outcome:
    """Runs every arm of one ablation and compares them.

    Raises InputError if an arm returns nothing at all: that is not a bad arm but a broken one.
    """
    grid = list(product(*(AXES[name](ranker.session, asked) for name in names)))
    reference = next((i for i, arm in enumerate(grid) if all(c.reference for c in arm)), 0)
    asked, measures = _depth(names, asked, measures)
    for pairs in {id(p): p for arm in grid if (p := ranker.reranker(_asked(asked, arm)))}.values():
        pairs.collecting = True
    if any(_asked(asked, arm).rerank for arm in grid):
        for arm in grid:
            if _asked(asked, arm).rerank:
                _rank(ranker, asked, arm)
        for arm in grid:
            pairs_of = ranker.reranker(_asked(asked, arm))
            if pairs_of is not None:
                pairs_of.settle()
    arms = []
    for arm in grid:
        axes = {name: choice.name for name, choice in zip(names, arm, strict=True)}
        ranking = _rank(ranker, asked, arm)
        findings = check_run(ranking.run, qrels, ranker.queries, None)
        if findings.errors:
            label = " · ".join(str(c.name) for c in arm)
            raise InputError(f"the arm {label!r} cannot be measured:", findings.errors)
        silent = [q for q in qrels if qrels[q] and not ranking.run.get(q)]
        if silent:
            what = " · ".join(str(c.name) for c in arm)
            say(f"ablation arm {what!r}: {len(silent)} queries without hits, which count 0")
        report: Report = evaluate(measures, qrels, ranking.run)
        # a reranker's pairs were scored for all arms at once
        ms = None if _asked(asked, arm).rerank else ranking.ms_per_query
        arms.append(Variant(axes, report, ms))
    title, first = ",".join(names), measures[0].name
    by_cost = len(names) == 1 and names[0] in BY_COST
    return Outcome(
        variants_json(title, arms, reference, first),
        recommend(title, arms, reference, first, by_cost=by_cost, alpha=alpha),
    )


def _asked(asked: QueryOptions, arm: Sequence[Choice]) -> QueryOptions:
    changes: dict[str, Any] = {}
    for choice in arm:
        changes.update(choice.change)
    if any(choice.dim is not None for choice in arm):
        changes["search"] = "exact"
    return replace(asked, **changes)


def _rank(ranker: RunBuilder, asked: QueryOptions, arm: Sequence[Choice]) -> BuiltRun:
    dim = next((choice.dim for choice in arm if choice.dim is not None), None)
    full = dim is None or dim == ranker.session.recipe.dim
    session = ranker.session if full or dim is None else truncated_session(ranker.session, dim)
    return ranker.rank(_asked(asked, arm), session)


def _depth(
    names: Sequence[str], asked: QueryOptions, measures: Sequence[Measure]
) -> tuple[QueryOptions, list[Measure]]:
    """How deep the arms go, and which measures that leaves.

    A graph search for k results is never narrower than k. So that a small ef shows what it does to
    people who ask for ten, arms of `search` go only as deep as the first measure looks.
    """
    if "search" not in names:
        return asked, list(measures)
    first = cutoff(measures[0].name) or DEEPEST
    kept = [m for m in measures if (cutoff(m.name) or DEEPEST) <= first]
    return replace(asked, k=first), kept
