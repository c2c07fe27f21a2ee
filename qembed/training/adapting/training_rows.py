"""Rows of an adaptation: passages of the index, alone or beside their damaged copies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from qembed.errors import InputError
from qembed.evaluation.formats.source_file import counted
from qembed.models.templates import passage_text
from qembed.pipeline.retrieval.session import Session
from qembed.training.encoder.noise import delete_words
from qembed.training.rows import Row

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.models.profiles import Profile
    from qembed.types import Rows

FEWEST_PASSAGES = 16
"""Passages below which there is nothing to adapt to."""


def draw_rows(session: Session, most: int, seed: int, without: Collection[str] = ()) -> Rows:
    """At most `most` rows of the index at random, none of the documents in `without`. int64 (n,)."""
    import numpy as np

    names = session.snapshot.catalog.ids()
    positions = np.array([i for i, name in enumerate(names) if name not in without], dtype=np.int64)
    rows: npt.NDArray[np.int64] = session.snapshot.rows_of(positions)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def read_passages(session: Session, rows: Rows) -> list[tuple[int, str, str]]:
    """(row, document, text with title and headings) of rows, in their order."""
    passages, entries = session.documents.passages(rows), session.documents.entries(rows)
    text = session.loaded.reranker_text
    return [
        (row, e.id, text(e.title, p.text, p.label))
        for row, p, e in zip(rows.tolist(), passages, entries, strict=True)
    ]


def objective_rows(
    name: str, texts: Sequence[str], profile: Profile, epochs: int, seed: int
) -> list[Row]:
    """Rows of an objective: texts in the passage template of the profile, the damaged one first for tsdae.

    A text that is there twice is taken once. Raises InputError for too few.
    """
    import numpy as np

    unique = list(dict.fromkeys(t for t in texts if t.strip()))
    if len(unique) < FEWEST_PASSAGES:
        raise InputError(
            f"{counted(len(unique), 'passage is', 'passages are')} left to train on: "
            f"{FEWEST_PASSAGES} are the least"
        )
    whole = [passage_text(profile.passage, "none", "", text) for text in unique]
    if name == "mlm":
        return [Row((text,), frozenset(), frozenset()) for text in whole]
    if name == "simcse":
        return [Row((text, text), frozenset([text]), frozenset([text])) for text in whole]
    rows = []
    for epoch in range(epochs):
        rng = np.random.default_rng([seed, epoch])
        for text, target in zip(unique, whole, strict=True):
            damaged = passage_text(profile.passage, "none", "", delete_words(text, rng))
            rows.append(Row((damaged, target), frozenset(), frozenset()))
    return rows
