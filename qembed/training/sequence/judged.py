"""Verdict without labels: does a view of a held-out sequence find the sequence?

A proxy: it tells whether training learned anything and did not collapse, not whether families are found;
judgments say that (`qembed eval`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qembed.models.profiles import Profile
from qembed.pipeline.progress import Progress
from qembed.training.encoder.encoder_folder import encode
from qembed.training.judging import Pool, Side, collapsed, fell, measure
from qembed.training.sequence.augment import Viewer
from qembed.types import Query

MOST = 400
"""Held-out sequences that are judged by."""
FEWEST = 5
RANKED = 1_000
"""Sequences that a view ranks: the held-out ones, and trained ones. Among few, random weights find all."""
NOTHING = 1e-9
"""Gain that is none: what rounding leaves of gains and losses that are equal."""


def held_out(texts: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Sequences to train on, and held-out ones, drawn at random."""
    import numpy as np

    order = np.random.default_rng([seed, 7]).permutation(len(texts)).tolist()
    count = min(max(FEWEST, int(share * len(texts))), MOST)
    return [texts[i] for i in order[count:]], [texts[i] for i in order[:count]]


class ViewJudge:
    """Ranks held-out sequences, among others, for one view of each, the same ones at each call."""

    def __init__(
        self,
        texts: Sequence[str],
        others: Sequence[str],
        viewer: Viewer,
        profile: Profile,
        seed: int,
    ) -> None:
        import numpy as np

        rng = np.random.default_rng([seed, 11])
        names = [f"s{i}" for i in range(len(texts))]
        self.queries = [Query(n, viewer.view(t, rng)) for n, t in zip(names, texts, strict=True)]
        self._qrels = {n: {n: 1} for n in names}
        ranked = [*texts, *others[: RANKED - len(texts)]]
        self._pool = Pool(ranked, [f"s{i}" for i in range(len(ranked))], True)
        self._profile = profile

    def side(self, model: Any, phase: str, progress: Progress) -> Side:
        """Measure a model as it is now."""
        progress.phase(phase, "texts", None)
        return measure(
            lambda texts: encode(model, texts), self._pool, self.queries, self._qrels, self._profile
        )


def not_better(verdict: Mapping[str, Any], before: Side, after: Side) -> str | None:
    """Reason for which a model is not written, None if views find their sequences better than before."""
    return collapsed(before, after) or _gained_nothing(verdict["new"]) or fell(verdict)


def _gained_nothing(new: Mapping[str, Any]) -> str | None:
    if abs(new["gain"]) > NOTHING:
        return None
    if new["before"] < 1 - NOTHING:
        return f"views find the held-out sequences as before, with {new['measure']} {new['before']:.4f}"
    return (
        "views found all held-out sequences before the training, and nothing can be gained: --exchange and "
        "--hide make views harder, --anyway writes it"
    )
