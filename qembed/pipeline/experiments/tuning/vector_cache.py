"""Vectors of query texts that a tuning run encoded, kept for the next run of the same recipe."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qembed.paths import cache_folder

if TYPE_CHECKING:
    from qembed.types import Vectors


class VectorCache:
    """File of vectors in the cache folder, by recipe. A file that cannot be read or written is no matter."""

    def __init__(self, fingerprint: str) -> None:
        self._path = cache_folder() / "tune" / f"{fingerprint}.npz"

    def load(self, texts: Sequence[str], dim: int) -> dict[str, Vectors]:
        """Text -> vector, float32 (dim,), of those texts that are there."""
        import zipfile

        import numpy as np

        with contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile):
            with np.load(self._path, allow_pickle=False) as stored:
                keys, vectors = stored["keys"].tolist(), stored["vectors"]
            if vectors.shape == (len(keys), dim) and vectors.dtype == np.float32:
                at = {key: i for i, key in enumerate(keys)}
                return {t: vectors[at[k]] for t in texts if (k := _key(t)) in at}
        return {}

    def save(self, vectors: Mapping[str, Vectors]) -> None:
        """Replace the file by these vectors."""
        import numpy as np

        if not vectors:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_suffix(f".{os.getpid()}.npz")
            np.savez(
                temporary,
                keys=np.array([_key(t) for t in vectors]),
                vectors=np.stack(list(vectors.values())),
            )
            temporary.replace(self._path)


def _key(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
