"""Batches of rows of like length, in none of which one row's negative is relevant for another's query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from qembed.training.rows import Row

WINDOW = 32
"""Batches' worth of shuffled rows that are sorted by length: more would make every epoch alike."""


def plan_epoch(
    lengths: Sequence[int],
    documents: Sequence[frozenset[str]],
    relevant: Sequence[frozenset[str]],
    size: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Rows of each batch of one epoch: every row once, batches of at most `size`, in random order.

    `lengths`: tokens of each row's longest text. `documents`, `relevant`: see Row. A row that shares a query
    or a relevant document with another one of its batch, or brings one along, waits for a later batch.
    """
    order = rng.permutation(len(lengths)).tolist()
    batches: list[list[int]] = []
    waiting: list[int] = []
    for start in range(0, len(order), WINDOW * size):
        rows = sorted(
            [*waiting, *order[start : start + WINDOW * size]], key=lambda i: (lengths[i], i)
        )
        waiting = []
        while rows:
            batch, rows = _fill(rows, documents, relevant, size)
            last = start + WINDOW * size >= len(order)
            if len(batch) < size and not last:
                waiting = [*batch, *rows]
                break
            batches.append(batch)
    rng.shuffle(batches)
    return batches


def _fill(
    rows: Sequence[int],
    documents: Sequence[frozenset[str]],
    relevant: Sequence[frozenset[str]],
    size: int,
) -> tuple[list[int], list[int]]:
    """The first rows that go together, at most `size`; the others, in their order."""
    batch: list[int] = []
    left: list[int] = []
    brought: set[str] = set()
    wanted: set[str] = set()
    for n, i in enumerate(rows):
        if len(batch) == size:
            left += rows[n:]
            break
        if relevant[i] & brought or documents[i] & wanted:
            left.append(i)
            continue
        batch.append(i)
        brought |= documents[i]
        wanted |= relevant[i]
    return batch, left


class EpochBatches:
    """Batches of several epochs, as a batch sampler. All epochs have as many batches.

    `plans`: batches of each epoch. `rows`: of the data set; `first`: first text of its first row. Called with
    a data set, as a sampler's class is, it returns itself for the rows that it was planned for, and the rows
    in their order for others (the trainer evaluates with the same argument, which is pickled with each
    checkpoint).
    """

    drop_last = False

    def __init__(self, plans: Sequence[list[list[int]]], size: int, rows: int, first: str) -> None:
        self.batch_size = size
        self._first = first
        self._rows = rows
        most = max(map(len, plans))
        self._plans = [_split(plan, most) for plan in plans]
        self._epoch = 0

    def __call__(self, dataset: Any, **_: Any) -> EpochBatches:
        """Sampler of the data set."""
        if len(dataset) == self._rows and dataset[0][dataset.column_names[0]] == self._first:
            return self
        order = list(range(len(dataset)))
        size = self.batch_size
        plan = [order[at : at + size] for at in range(0, len(order), size)]
        return EpochBatches([plan], size, len(order), "")

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that is iterated over."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._plans[0])

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._plans[self._epoch % len(self._plans)])


def _split(plan: list[list[int]], most: int) -> list[list[int]]:
    """The batches, the largest ones halved until there are `most`; no more than there are rows."""
    plan = [*plan]
    while len(plan) < most:
        at = max(range(len(plan)), key=lambda i: len(plan[i]))
        batch = plan[at]
        half = len(batch) // 2
        plan[at] = batch[:half]
        plan.append(batch[half:])
    return plan


def epoch_batches(
    rows: Sequence[Row],
    lengths: Sequence[int],
    size: int,
    epochs: int,
    seed: int,
    *,
    in_batch: bool = True,
    fresh: bool = False,
) -> EpochBatches:
    """Batches of the rows for each epoch. `in_batch`: a row's texts are negatives of the others' queries.

    `fresh`: the first part of the rows is for the first epoch, the next, of as many, for the second …
    """
    import numpy as np

    nothing: frozenset[str] = frozenset()
    documents = [r.documents if in_batch else nothing for r in rows]
    relevant = [r.relevant if in_batch else nothing for r in rows]
    count = len(rows) // epochs if fresh else len(rows)
    plans = []
    for epoch in range(epochs):
        start = epoch * count if fresh else 0
        part = slice(start, start + count)
        rng = np.random.default_rng([seed, epoch])
        plan = plan_epoch(lengths[part], documents[part], relevant[part], size, rng)
        plans.append([[start + i for i in batch] for batch in plan])
    return EpochBatches(plans, size, len(rows), rows[0].texts[0])
