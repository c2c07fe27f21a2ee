"""Verdict without labels: does a view of a held-out sequence find the sequence?

A proxy: it tells whether training learned anything and did not collapse, not whether families are found;
judgments say that (`qembed eval`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qembed.models.profiles import Profile
from qembed.pipeline.progress import Progress
from qembed.training.encoder.encoder_folder import encode
from qembed.training.judging import Pool, Side, measure
from qembed.training.sequence.augment import Viewer
from qembed.types import Query

MOST = 400
"""Held-out sequences that are judged by."""
FEWEST = 5


def held_out(texts: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Sequences to train on, and held-out ones, drawn at random."""
    import numpy as np

    order = np.random.default_rng([seed, 7]).permutation(len(texts)).tolist()
    count = min(max(FEWEST, int(share * len(texts))), MOST)
    return [texts[i] for i in order[count:]], [texts[i] for i in order[:count]]


class ViewJudge:
    """Ranks held-out sequences for one view of each, the same ones at each call."""

    def __init__(self, texts: Sequence[str], viewer: Viewer, profile: Profile, seed: int) -> None:
        import numpy as np

        rng = np.random.default_rng([seed, 11])
        names = [f"s{i}" for i in range(len(texts))]
        self.queries = [Query(n, viewer.view(t, rng)) for n, t in zip(names, texts, strict=True)]
        self._qrels = {n: {n: 1} for n in names}
        self._pool = Pool(list(texts), names, True)
        self._profile = profile

    def side(self, model: Any, phase: str, progress: Progress) -> Side:
        """Measure a model as it is now."""
        progress.phase(phase, "texts", None)
        return measure(
            lambda texts: encode(model, texts), self._pool, self.queries, self._qrels, self._profile
        )
