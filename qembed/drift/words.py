"""Words and the pieces that a model's tokenizer cuts them into: fragments, and words that it cannot read.

A word that is cut into many pieces has seldom been met in training, an unknown one never. Models of English
have pieces for almost any English word, so that unknown words alone show no drift there; other scripts do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from qembed.drift.permutation import TestResult, permutation_test
from qembed.drift.sample import per_document

if TYPE_CHECKING:
    from qembed.drift.permutation import Labels, Values
    from qembed.drift.sample import Counts, Sample


class RateFound(NamedTuple):
    """Rate among the new words against the old. `effect`: their difference; `old`, `new`: the rates."""

    effect: float
    old: float
    new: float
    test: TestResult


class ScriptRate(NamedTuple):
    """Script: its share of the new and of the old words, and the share of its new words that are not read."""

    script: str
    new: float
    old: float
    unread: float


def piece_rate(old: Sample, new: Sample, labels: Labels) -> RateFound:
    """Pieces a word. `effect`: relative to the old rate; tested for an increase."""
    found = _rate(old, new, labels, old.pieces, new.pieces)
    return found._replace(effect=found.effect / found.old if found.old else 0.0)


def unread_rate(old: Sample, new: Sample, labels: Labels) -> RateFound:
    """Share of the words that the model cannot read; tested for an increase."""
    return _rate(old, new, labels, old.unread, new.unread)


def _rate(old: Sample, new: Sample, labels: Labels, a: Counts, b: Counts) -> RateFound:
    import numpy as np

    counted = np.concatenate([per_document(old, a), per_document(new, b)]).astype(np.float32)
    words = np.concatenate([per_document(s, s.words) for s in (old, new)]).astype(np.float32)
    all_counted, all_words = float(counted.sum()), float(words.sum())

    def rates(labels: Labels) -> Values:
        inside, n = labels @ counted, labels @ words
        rest = np.maximum(all_words - n, 1)
        return np.asarray(
            inside / np.maximum(n, 1) - (all_counted - inside) / rest, dtype=np.float64
        )

    before = float(a.sum()) / max(1, int(old.words.sum()))
    after = float(b.sum()) / max(1, int(new.words.sum()))
    return RateFound(after - before, before, after, permutation_test(rates, labels))


def script_rates(old: Sample, new: Sample) -> list[ScriptRate]:
    """Scripts of the new words, those that are not read first, then by their share."""
    sides = [_script_counts(s.scripts) for s in (old, new)]
    before, after = (sum(n for n, _ in side.values()) for side in sides)
    found = [
        ScriptRate(
            script,
            n / max(1, after),
            sides[0].get(script, (0, 0))[0] / max(1, before),
            unread / n if n else 0.0,
        )
        for script, (n, unread) in sides[1].items()
    ]
    return sorted(found, key=lambda r: (-r.unread * r.new, -r.new))


def _script_counts(scripts: Iterable[dict[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    words: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    for counted in scripts:
        for script, (n, failed) in counted.items():
            words[script] += n
            unread[script] += failed
    return {script: (n, unread[script]) for script, n in words.items()}
