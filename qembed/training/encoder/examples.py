"""Rows of an encoder's training: lists in the model's own templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Literal

from qembed.errors import InputError
from qembed.models.templates import passage_text, query_text, task_template
from qembed.pipeline.retrieval.fusion import log_odds
from qembed.training.mining.lists import TrainingList
from qembed.training.rows import Row

if TYPE_CHECKING:
    from qembed.models.profiles import Profile
    from qembed.protocols import Scorer

Form = Literal["list", "triplet", "pair"]
"""Row of a loss: a query with a positive and all negatives, with one of them, or with one labelled text."""


def make_rows(
    lists: Sequence[TrainingList],
    form: Form,
    profile: Profile,
    teacher: Scorer | None = None,
    *,
    in_batch: bool = True,
) -> list[Row]:
    """Rows of the lists, in the templates of the model's profile.

    `teacher`: a reranker whose scores are the labels; their differences, in triplets, on the scale of
    log-odds where they are probabilities. Without one, a pair's label is 1 for a positive, else 0, and other
    forms have none. Rows of a list have as many texts as the longest list, see `_filled`. `in_batch`: other
    rows' texts are negatives, too. Raises InputError for lists that cannot be trained on.
    """
    if not lists:
        raise InputError("there are no training lists")
    relevant: dict[str, set[str]] = {}
    for item in lists:
        relevant.setdefault(item.query_id, set()).add(item.positive_id or item.positive)
    if any(item.negatives for item in lists):
        lists = _filled(lists, relevant, form, teacher is not None)
    elif form != "pair" and teacher is not None:
        raise InputError("the lists have no negatives, so a teacher has nothing to compare")
    elif not in_batch:
        raise InputError(
            "the labels are all equal: the lists have no negatives (--loss mnr takes those of other lists)"
        )
    template, task = task_template(profile, None)
    rows = []
    plain = [(t.query, [t.positive, *(n.text for n in t.negatives)]) for t in lists]
    encoded = [
        (
            query_text(template, query, task),
            [passage_text(profile.passage, "none", "", text) for text in passages],
        )
        for query, passages in plain
    ]
    scores: Sequence[Sequence[float] | None] = [None] * len(lists)
    if teacher is not None:
        # late interaction compares token vectors of texts as they are encoded
        scores = _scores(encoded if teacher.kind == "late" else plain, teacher, form)
    for item, (query, texts), graded in zip(lists, encoded, scores, strict=True):
        names = [item.positive_id or item.positive, *(n.id for n in item.negatives)]
        own = frozenset(relevant[item.query_id])
        rows += _of_form(form, query, texts, names, own, graded)
    return rows


def _filled(
    lists: Sequence[TrainingList], relevant: Mapping[str, set[str]], form: Form, has_teacher: bool
) -> list[TrainingList]:
    """Lists that a form can be made of, though some have fewer negatives than others, or none.

    Pairs take lists as they are, triplets those with a negative. In a list's form, negatives are taken again
    until there are as many as the longest list has; a list without any has those of the lists after it, or,
    where a teacher would have to compare them, is left out.
    """
    if form == "pair":
        return list(lists)
    if form == "triplet" or has_teacher:
        lists = [item for item in lists if item.negatives]
    if form == "triplet":
        return list(lists)
    most = max(len(item.negatives) for item in lists)
    found = []
    for i, item in enumerate(lists):
        own = item.negatives
        others = (n for other in (*lists[i + 1 :], *lists[:i]) for n in other.negatives)
        foreign = (n for n in others if n.id not in relevant[item.query_id])
        source = cycle(own) if own else foreign
        chosen = tuple(islice(source, most))
        if len(chosen) == most:
            found.append(replace(item, negatives=chosen))
    return found


def _of_form(
    form: Form,
    query: str,
    texts: Sequence[str],
    names: Sequence[str],
    relevant: frozenset[str],
    scores: Sequence[float] | None,
) -> list[Row]:
    if form == "pair":
        labels = scores or [1.0, *[0.0] * (len(texts) - 1)]
        return [
            Row((query, t), frozenset([n]), relevant, label)
            for t, n, label in zip(texts, names, labels, strict=True)
        ]
    if form == "list" or len(texts) == 1:
        label = None if scores is None else tuple(scores)
        return [Row((query, *texts), frozenset(names), relevant, label)]
    return [
        Row(
            (query, texts[0], texts[i]),
            frozenset([names[0], names[i]]),
            relevant,
            None if scores is None else scores[0] - scores[i],
        )
        for i in range(1, len(texts))
    ]


def _scores(
    lists: Sequence[tuple[str, Sequence[str]]], teacher: Scorer, form: Form
) -> list[list[float]]:
    """The teacher's scores of each query's texts."""
    scores = teacher.score([(query, text) for query, texts in lists for text in texts])
    if form == "triplet" and teacher.calibrated:
        scores = log_odds(scores)
    found = iter(scores.tolist())
    return [[next(found) for _ in texts] for _, texts in lists]
