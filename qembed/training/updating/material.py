"""Queries made of new documents and, as replay, of old ones; a part of both is kept out of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.adapting.corpus_queries import corpus_queries
from qembed.training.adapting.made_queries import MadeQuery
from qembed.training.adapting.round_trip import keep_found

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

HELD_OUT = 0.3
"""Share of the documents whose queries are judged by, and not trained on."""
MOST_JUDGED = 200
"""Queries of each side that are judged by, at most."""
BEST = 10
"""Ranks of the round trip."""


@dataclass(frozen=True, slots=True)
class Material:
    """Made queries. `trained`: of new and old documents; `new`, `old`: to judge by, one a document."""

    trained: list[MadeQuery]
    new: list[MadeQuery]
    old: list[MadeQuery]
    replayed: int


def make_material(
    session: Session, is_new: Mask, most: int, replay: float, seed: int, progress: Progress
) -> Material:
    """Make queries of new documents, at most `most`, and of old ones so that their share is `replay`."""
    new_train, new_test = _side(session, is_new, most, seed, progress)
    wanted = round(len(new_train) * replay / (1 - replay))
    old_train, old_test = _side(session, ~is_new, max(wanted, MOST_JUDGED) * 2, seed, progress)
    old_train = old_train[:wanted]
    return Material([*new_train, *old_train], new_test, old_test, len(old_train))


def _side(
    session: Session, among: Mask, most: int, seed: int, progress: Progress
) -> tuple[list[MadeQuery], list[MadeQuery]]:
    """(queries to train on, queries to judge by) of the documents of one side."""
    made = corpus_queries(session, most, seed, among)
    return divide(keep_found(session, made, BEST, progress), seed)


def divide(made: Sequence[MadeQuery], seed: int) -> tuple[list[MadeQuery], list[MadeQuery]]:
    """Divide queries by document: (to train on, to judge by), the latter one a document."""
    import numpy as np

    documents = sorted({q.document for q in made})
    order = np.random.default_rng(seed).permutation(len(documents))
    n = min(MOST_JUDGED, round(HELD_OUT * len(documents)))
    held = {documents[i] for i in order[:n]}
    one: dict[str, MadeQuery] = {}
    for q in made:
        if q.document in held:
            one.setdefault(q.document, q)
    return [q for q in made if q.document not in held], list(one.values())
