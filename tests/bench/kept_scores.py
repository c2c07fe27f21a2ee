"""Scores of a reranker's pairs, kept in the cache folder from one benchmark to the next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.paths import cache_folder

if TYPE_CHECKING:
    from types import TracebackType

    from qembed.protocols import Pair, Scorer, Tasks, Track
    from qembed.types import Scores

SLICE = 64
"""Pairs scored between two writes, so that an interrupted benchmark loses little."""


class KeptScores:
    """Scorer that asks the wrapped one for each pair once ever. `spec`: names the file. A context manager."""

    def __init__(self, reranker: Scorer, spec: str) -> None:
        self._reranker = reranker
        self.kind, self.truncated = reranker.kind, reranker.truncated
        self.instructed, self.note = reranker.instructed, reranker.note
        self.calibrated, self.meaning = reranker.calibrated, reranker.meaning
        path = cache_folder() / "published" / f"{spec}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, float] = {}
        if path.exists():
            lines = path.read_text("utf-8").split("\n")[:-1]  # the last one may be half a line
            self._known = dict(json.loads(line) for line in lines)
        self._file = path.open("w", encoding="utf-8")
        self._write(self._known)

    def __enter__(self) -> KeptScores:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _write(self, scores: dict[str, float]) -> None:
        self._file.writelines(json.dumps(item) + "\n" for item in scores.items())
        self._file.flush()

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),)."""
        import numpy as np

        keys = [hashlib.blake2b("\0".join(p).encode(), digest_size=16).hexdigest() for p in pairs]
        new = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in self._known}
        wanted = sorted(new, key=lambda key: -len(new[key][1]))
        for at in range(0, len(wanted), SLICE):
            part = wanted[at : at + SLICE]
            found = self._reranker.score([new[key] for key in part], track)
            scores = dict(zip(part, found.tolist(), strict=True))
            self._known.update(scores)
            self._write(scores)
        return np.array([self._known[key] for key in keys], dtype=np.float32)
