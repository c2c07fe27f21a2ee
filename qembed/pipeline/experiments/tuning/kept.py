"""Vectors of query texts and scores of pairs, kept in the cache folder for the next tuning run.

A file that cannot be read or written is no matter: what it would hold is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.builtin.registry import BUILTIN
from qembed.paths import cache_folder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.protocols import Pair
    from qembed.types import Vectors

    Floats = npt.NDArray[np.float32]

PAIRS_PER_WRITE = 1_000
"""Pairs scored between two writes: a run that is killed loses no more."""


class VectorCache:
    """File of vectors of query texts under one recipe, named by its fingerprint."""

    def __init__(self, fingerprint: str) -> None:
        self._path = _path(fingerprint)

    def load(self, texts: Sequence[str], dim: int) -> dict[str, Vectors]:
        """Text -> vector, float32 (dim,), of those texts that are there."""
        stored = _read(self._path, (dim,))
        return {t: stored[k] for t in texts if (k := _key(t)) in stored}

    def save(self, vectors: Mapping[str, Vectors]) -> None:
        """Replace the file by these vectors."""
        _write(self._path, {_key(text): vector for text, vector in vectors.items()})


class PairCache:
    """File of a reranker's scores, by recipe and spec."""

    limit = PAIRS_PER_WRITE

    def __init__(self, fingerprint: str, spec: str) -> None:
        self._path = _path(f"{fingerprint}-{spec}")
        self._scores = {k: float(v) for k, v in _read(self._path, ()).items()}

    def get(self, pair: Pair, task: str | None) -> float | None:
        """Score of a pair under a task; None for one that is not there."""
        return self._scores.get(_key(pair[0], pair[1], task or ""))

    def add(self, pairs: Sequence[tuple[Pair, str | None]], scores: Sequence[float]) -> None:
        """Keep scores and write them."""
        keys = (_key(pair[0], pair[1], task or "") for pair, task in pairs)
        self._scores.update(zip(keys, scores, strict=True))
        _write(self._path, self._scores)


def pair_cache(fingerprint: str, spec: str) -> PairCache | None:
    """Cache of a reranker; None for one whose content its spec does not tell: own code, folders, servers."""
    return PairCache(fingerprint, spec) if spec == "late" or spec in BUILTIN else None


def _path(name: str) -> Path:
    return cache_folder() / "tune" / f"{name}.npz"


def _read(path: Path, shape: tuple[int, ...]) -> dict[str, Floats]:
    """Values by key, float32 of the given shape each."""
    import io
    import zipfile

    import numpy as np

    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        # numpy leaves a damaged file open
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            keys, values = stored["keys"].tolist(), stored["values"]
        if values.shape == (len(keys), *shape) and values.dtype == np.float32:
            return dict(zip(keys, values, strict=True))
    return {}


def _write(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a file of values by key."""
    import numpy as np

    if not values:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.npz")
        stacked = np.array(list(values.values()), dtype=np.float32)
        np.savez(temporary, keys=np.array(list(values)), values=stacked)
        temporary.replace(path)


def _key(*texts: str) -> str:
    data = "\0".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()
