"""Verdict on signals: nothing, watch, confirm or update, with the reason and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qembed.drift.sample import LEAST_DOCUMENTS, LEAST_PASSAGES
from qembed.drift.signal import Signal

LEVELS = ("nothing", "watch", "confirm", "update")
SURE = 0.01
"""Adjusted p-value up to which a signal calls for more than watching."""
ENOUGH_TO_TRAIN = 1000
"""New passages from which on training on them is worth its time."""
MOST_CHANGED = 0.5
"""Share of the new documents in new subjects from which on adapting a model is not enough."""

NEXT = ("nothing", "wait", "eval", "make-judgments", "adapt", "train", "other-model", "retrain")
"""Next steps: nothing; wait for more text; `eval` on the judged queries; make judged queries; `train adapt`
and `train encoder`, with replay; another model; training anew on old and new text together."""


WITHOUT_TEXT = ("golden", "queries", "gaps")
"""Signals that tell without any new text."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Circumstances of a comparison: documents and passages of both sides, all of them, not the sampled
    ones. `judged`: judged queries are known.
    """

    old_documents: int
    old_passages: int
    new_documents: int
    new_passages: int
    judged: bool = False

    @property
    def lack(self) -> str:
        """Lack of text for which nothing can be said; "" if there is enough."""
        for side, documents, passages in (
            ("new", self.new_documents, self.new_passages),
            ("old", self.old_documents, self.old_passages),
        ):
            if passages < LEAST_PASSAGES:
                return f"{passages:,} {side} passage{'s' * (passages != 1)}, {LEAST_PASSAGES} are needed"
            if documents < LEAST_DOCUMENTS:
                return f"{documents:,} {side} document{'s' * (documents != 1)}, {LEAST_DOCUMENTS} are needed"
        return ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict: one of LEVELS, the reason, and the next step, one of NEXT. `enough`: False: cannot say."""

    level: str
    reason: str
    next: str
    enough: bool = True


def judge(signals: Sequence[Signal], situation: Situation) -> Verdict:
    """Judge signals whose p-values are adjusted.

    A model is called old only by what it fails in: worse answers to judged queries, words that it cannot
    read, queries that find nothing where subjects are new. New subjects alone need a measurement. Queries,
    judged or logged, tell without any new text, too.
    """
    by_name = {s.name: s for s in signals}

    def at_least(name: str, strength: str) -> bool:
        return name in by_name and by_name[name].at_least(strength)

    if at_least("golden", "medium") and by_name["golden"].adjusted <= SURE:
        return Verdict("update", by_name["golden"].said, _training(by_name, situation))
    if situation.lack and not any(at_least(name, "small") for name in WITHOUT_TEXT):
        return Verdict("nothing", f"cannot say: {situation.lack}", "wait", enough=False)
    sure = [s for s in signals if s.adjusted <= SURE and s.at_least("medium")]
    if at_least("unread", "medium") and by_name["unread"] in sure:
        return Verdict("update", by_name["unread"].said, "other-model")
    if at_least("queries", "large") and at_least("subjects", "medium"):
        reason = f"{by_name['queries'].said}; {by_name['subjects'].said}"
        return Verdict("update", reason, _training(by_name, situation))
    if sure:
        most = sorted(sure, key=_order)
        reason = "; ".join(s.said for s in most[:2])
        return Verdict("confirm", reason, "eval" if situation.judged else "make-judgments")
    small = sorted((s for s in signals if s.at_least("small")), key=_order)
    if small:
        return Verdict("watch", "; ".join(s.said for s in small[:2]), "wait")
    tiny = [s for s in signals if s.alarm]
    if tiny:
        return Verdict("nothing", "differences beyond chance, but small ones", "nothing")
    return Verdict("nothing", "no difference beyond chance", "nothing")


def _order(signal: Signal) -> tuple[int, float]:
    kinds = ("performance", "queries", "subjects", "words", "distribution")
    return kinds.index(signal.kind), signal.adjusted


def _training(by_name: dict[str, Signal], situation: Situation) -> str:
    """Training that suits the change."""
    if situation.new_passages < ENOUGH_TO_TRAIN:
        return "other-model"
    subjects = by_name.get("subjects")
    if subjects is not None and subjects.alarm and subjects.effect >= MOST_CHANGED:
        return "retrain"
    return "train" if situation.judged else "adapt"
