"""Search space of an index and its judged queries: which settings it can be searched with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import StorageError, UsageError, refusal
from qembed.models import TASKS
from qembed.models.remote.chat import RemoteChat
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.experiments.tuning import arms
from qembed.pipeline.experiments.tuning.judged_queries import JudgedQueries
from qembed.pipeline.experiments.tuning.propose_remote import propose_remotely
from qembed.pipeline.experiments.tuning.scores import Scores
from qembed.pipeline.experiments.tuning.search import Space
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


def make_space(
    builder: RunBuilder,
    axes: Sequence[str],
    lines: Sequence[str],
    rerankers: Sequence[str],
    warn: Callable[[str], None],
) -> Space:
    """Settings that this index can be searched with. `warn`: called with what is not tried, and why."""
    session = builder.session
    base = QueryOptions()
    found: dict[str, QueryOptions] = {}
    if "instruction" in axes:
        name = session.recipe.model
        if not arms.takes_instructions(session):
            tried = "with and without its own prompts" if _has_prompts(session) else "none"
            left = f"; {len(lines)} of --candidates are left out" if lines else ""
            warn(
                f"{name} was not trained with instructions, as far as is known: tried {tried}{left}"
            )
            lines = []
        found = arms.instruction_arms(session, base, lines)
    has_words = session.search.lexical is not None
    if not has_words and {"mode", "fusion"} & set(axes):
        warn("there is no word index: modes and fusion are not tried (qembed index makes it)")
    if has_words and "fusion" in axes and session.search.notes(weighs=True):
        warn("there is no background: fusion is chosen without it (qembed index makes it)")
    return Space(
        base,
        axes,
        found,
        rerankers,
        has_words,
        builder.one_passage_each,
    )


def _has_prompts(session: Session) -> bool:
    profile = session.loaded.model.profile
    return profile.query != "{query}" or bool(profile.prompts)


def with_signals(space: Space, scores: Scores) -> Space:
    """The space with the constants that these queries can tell apart."""
    if not space.has_words:
        return space
    return replace(space, constants=scores.signals(space.base).constants())


def with_remote_proposals(
    chat: RemoteChat,
    space: Space,
    builder: RunBuilder,
    judged: JudgedQueries,
    shown: list[int],
    scores: Scores,
) -> Space:
    """The space with the instructions that a language model proposes, which sees the `shown` queries.

    Raises UsageError for a model or axes without instructions.
    """
    session = builder.session
    if "instruction" not in space.axes or not arms.takes_instructions(session):
        raise UsageError(
            f"--propose: {session.recipe.model} takes no instruction, or --only leaves instructions out"
        )
    known = {o.task or TASKS["web"]: o for o in space.instructions.values() if o.instruction}
    known[session.loaded.model.profile.task or TASKS["web"]] = space.base

    def measure(text: str) -> Values:
        options = known.get(text) or replace(space.base, task=text)
        scores.encode([options])
        return scores(options)[shown]

    queries = [judged.queries[i] for i in shown]
    texts = _relevant_texts(builder, judged, shown)
    new = propose_remotely(chat, queries, texts, list(known), measure)
    more = arms.instruction_arms(session, space.base, new)
    return replace(space, instructions={**space.instructions, **more})


def _relevant_texts(
    builder: RunBuilder, judged: JudgedQueries, positions: Sequence[int]
) -> list[str]:
    """Text of the first passage of a relevant document of each query."""
    import numpy as np

    place = builder.positions
    snapshot = builder.session.snapshot
    found = []
    for i in positions:
        at = next(place[d] for d in judged.relevant[i] if d in place)
        rows = snapshot.rows_of(np.array([at], dtype=np.int64))[:1]
        found.append("".join(p.text for p in builder.session.documents.passages(rows)))
    return found


def write_candidates(path: Path, space: Space, scores: Scores) -> None:
    """Write the instructions that were tried, the best first, as a file for `--candidates`.

    Raises StorageError.
    """
    ranked = sorted(space.instructions.values(), key=lambda o: -float(scores(o).mean()))
    lines = [
        "# instructions that qembed tune tried, the best first, with nDCG@10 on all of the queries"
    ]
    for options in ranked:
        if options.task is not None:
            lines += [f"# {float(scores(options).mean()):.4f}", options.task]
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as e:
        raise StorageError(f"cannot write {path}: {refusal(e)}") from e
