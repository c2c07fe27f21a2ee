"""Comparison of two samples: all tests that need no model, as one list of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.drift.centres import OutsideFound, outside_share
from qembed.drift.distances import DistanceFound, centroid_distance, energy_distance
from qembed.drift.permutation import PERMUTATIONS, permuted_labels
from qembed.drift.sample import document_terms, document_vectors
from qembed.drift.subjects import SubjectsFound, new_subjects
from qembed.drift.terms import TermsFound, TermTable, new_terms
from qembed.drift.words import RateFound, ScriptRate, piece_rate, script_rates, unread_rate

if TYPE_CHECKING:
    from qembed.drift.sample import Sample
    from qembed.drift.terms import Term

SUBJECT_TERMS = 30
"""Terms of a subject: several may be of one written word."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Findings of all tests on two samples. `subject_terms`: the telling terms of each subject.

    `fragments`, `unread`: None where the model has no tokenizer.
    """

    fragments: RateFound | None
    unread: RateFound | None
    scripts: list[ScriptRate]
    terms: TermsFound
    centroid: DistanceFound
    energy: DistanceFound
    outside: OutsideFound
    subjects: SubjectsFound
    subject_terms: list[list[Term]]

    @property
    def p_values(self) -> dict[str, float]:
        """p of each test, by its name."""
        rates = {"fragments": self.fragments, "unread": self.unread}
        found = {name: rate.test.p for name, rate in rates.items() if rate is not None}
        for name in ("terms", "centroid", "energy", "outside", "subjects"):
            found[name] = getattr(self, name).test.p
        return found


def compare(old: Sample, new: Sample, permutations: int = PERMUTATIONS) -> Comparison:
    """Run all tests on two samples of at least two documents each. All of them share their permutations."""
    import numpy as np

    labels = permuted_labels(old.documents, new.documents, permutations)
    has_pieces = bool(old.pieces.any()) and bool(new.pieces.any())
    before, after = document_terms(old), document_terms(new)
    subjects = new_subjects(document_vectors(old), document_vectors(new), labels)
    telling = []
    if subjects.subjects:
        table = TermTable([*before, *after])
        for subject in subjects.subjects:
            ours = np.zeros(labels.shape[1], dtype=np.float32)
            ours[subject.members + old.documents] = 1
            telling.append(table.best(ours, SUBJECT_TERMS))
    return Comparison(
        piece_rate(old, new, labels) if has_pieces else None,
        unread_rate(old, new, labels) if has_pieces else None,
        script_rates(old, new),
        new_terms(before, after, labels),
        centroid_distance(old, new, labels),
        energy_distance(old, new, labels),
        outside_share(old, new, permutations),
        subjects,
        telling,
    )
