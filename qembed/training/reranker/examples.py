"""Rows of a reranker's training: a query, texts, and how relevant each is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import InputError
from qembed.training.json_lines import read_json_lines, words_of
from qembed.training.mining.lists import TrainingList
from qembed.training.rows import Row
from qembed.types import Qrels

PREFERENCE = ("query", "chosen", "rejected")
"""Keys of a line of preferences."""


@dataclass(frozen=True, slots=True)
class GradedTexts:
    """A query and its texts: the document of each, and its grade, higher for more relevant.

    `weight`: trust in the grades, above 0. `answers`: whether the texts graded best are answers, or just no
    wrong ones.
    """

    query_id: str
    query: str
    documents: tuple[str, ...]
    texts: tuple[str, ...]
    grades: tuple[float, ...]
    weight: float = 1.0
    answers: bool = True


def graded_texts(lists: Sequence[TrainingList], qrels: Qrels) -> list[GradedTexts]:
    """One example for each query of the lists: its relevant texts with their grades, its negatives with 0."""
    found: dict[str, dict[str, tuple[str, float]]] = {}
    queries: dict[str, str] = {}
    for item in lists:
        texts = found.setdefault(item.query_id, {})
        queries[item.query_id] = item.query
        grades = qrels.get(item.query_id, {})
        document = item.positive_id or item.positive
        texts[item.positive] = document, float(max(1, grades.get(document, 1)))
        for negative in item.negatives:
            texts.setdefault(negative.text, (negative.id, 0.0))
    return [
        GradedTexts(
            query_id,
            queries[query_id],
            tuple(document for document, _ in texts.values()),
            tuple(texts),
            tuple(grade for _, grade in texts.values()),
        )
        for query_id, texts in found.items()
    ]


def read_preferences(path: Path) -> list[GradedTexts]:
    """Read JSON lines with "query", "chosen" and "rejected": of two texts, which is the better answer.

    "chosen_id" and "rejected_id" name their documents, else texts stand for themselves; "weight" is the
    trust in it, 1 if it is missing, and a "reason" that begins with "unused" says that the chosen text was
    only preferred to one that was voted against. Raises InputError with all mistakes, with file and line.
    """
    return read_json_lines(path, lambda body, _: parse_preference(body), "preferences")


def parse_preference(body: Any) -> GradedTexts:
    """Preference of a line's JSON value. Raises KeyError, TypeError or ValueError for one that is none."""
    query, chosen, rejected = (words_of(body, key) for key in PREFERENCE)
    if chosen == rejected:
        raise ValueError("chosen and rejected are the same text")
    documents = str(body.get("chosen_id", chosen)), str(body.get("rejected_id", rejected))
    weight = body.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise TypeError("'weight' must be a number")
    if not 0 < weight < math.inf:
        raise ValueError(f"'weight' {weight:g}: above 0")
    answers = not str(body.get("reason", "")).startswith("unused")
    texts = chosen, rejected
    return GradedTexts(query, query, documents, texts, (1.0, 0.0), float(weight), answers)


def make_rows(examples: Iterable[GradedTexts], loss: str) -> list[Row]:
    """Rows of a loss: of a query and one text for `binary`, else of a query and all of its texts.

    Weights of the rows are those of the examples, divided by their mean. Raises InputError if no query has
    texts of different grades.
    """
    examples = list(examples)
    mean = sum(e.weight for e in examples) / max(1, len(examples))
    rows: list[Row] = []
    telling = False
    for e in examples:
        weight = 1.0 if math.isclose(e.weight, mean) else e.weight / mean
        relevant = frozenset(d for d, grade in zip(e.documents, e.grades, strict=True) if grade > 0)
        telling = telling or len(set(e.grades)) > 1
        if loss == "binary":
            rows += [
                Row((e.query, text), frozenset([document]), relevant, float(grade > 0), weight)
                for document, text, grade in zip(e.documents, e.texts, e.grades, strict=True)
            ]
        elif len(set(e.grades)) > 1:
            documents = frozenset(e.documents)
            rows.append(Row((e.query, *e.texts), documents, relevant, e.grades, weight))
    if not telling:
        raise InputError(
            "the labels are all equal: no query has both a relevant text and another one"
        )
    return rows
