"""Rows that a training reads: texts, and what a loss compares them with."""

from __future__ import annotations

from dataclasses import dataclass

LABEL = "label"
"""Column of a data set that holds the labels."""
WEIGHT = "weight"
"""Column of a data set that holds the weights, if they differ."""


@dataclass(frozen=True, slots=True)
class Row:
    """Texts of one row, the query's first, and its label, if the loss wants one.

    `documents`: of the other texts. `relevant`: documents that are relevant for the query; no other row of a
    batch may bring one along, which would be a negative then. `weight`: of the row in
    a loss that weighs rows, 1 on average.
    """

    texts: tuple[str, ...]
    documents: frozenset[str]
    relevant: frozenset[str]
    label: float | tuple[float, ...] | None = None
    weight: float = 1.0
