"""Sentence pairs with human grades, and rank correlation with a model's cosines.

A TSV file whose header names `sentence1`, `sentence2` and `score`, in any order; other columns are not used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qembed.errors import InputError
from qembed.evaluation.formats.source_file import ProblemList, Source, counted

COLUMNS = ("sentence1", "sentence2", "score")


@dataclass(frozen=True, slots=True)
class SentencePair:
    """Two sentences and their similarity as graded by people, higher is more similar."""

    one: str
    other: str
    grade: float


def read_sts(path: Path) -> list[SentencePair]:
    """Read the pairs of a file. Raises InputError with all mistakes, by line."""
    source, mistakes = Source.read(path), ProblemList(path)
    pairs: list[SentencePair] = []
    places: list[int] | None = None
    width = 0
    for number, line in source.lines(mistakes):
        cells = line.split("\t")
        if places is None:
            names = [c.strip().lower() for c in cells]
            lacking = [c for c in COLUMNS if c not in names]
            if lacking:
                mistakes.add(
                    number, f"the header lacks {', '.join(lacking)} (tabs between columns)"
                )
                break
            places, width = [names.index(c) for c in COLUMNS], len(names)
            continue
        if len(cells) != width:
            mistakes.add(number, f"{len(cells)} columns, the header has {width}")
            continue
        one, other, text = (cells[i].strip() for i in places)
        try:
            grade = float(text)
        except ValueError:
            grade = math.nan
        if not math.isfinite(grade):
            mistakes.add(number, f"score {text!r} is not a number")
        elif not one or not other:
            mistakes.add(number, "an empty sentence")
        else:
            pairs.append(SentencePair(one, other, grade))
    mistakes.close()
    if len(pairs) < 2 or len({p.grade for p in pairs}) < 2:
        raise InputError(
            f"{path}: at least two pairs with different scores are wanted",
            [f"{path}: {counted(len(pairs), 'pair')}"],
        )
    return pairs


def spearman(pairs: Sequence[SentencePair], similarities: Sequence[float]) -> float:
    """Spearman's rank correlation of grades and similarities; ties share their mean rank.

    0 if all similarities are equal, where it is undefined.
    """
    from scipy.stats import spearmanr

    if len(set(similarities)) < 2:
        return 0.0
    return float(spearmanr([p.grade for p in pairs], similarities).statistic)
