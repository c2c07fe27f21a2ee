"""Texts whose vectors an index has already."""

from __future__ import annotations

from collections.abc import Sequence

from qembed.store import Snapshot, text_hash
from qembed.store.hash_index import HashMap


class StoredTexts:
    """Texts of the passages of an index, by their hashes, which are read when they are first asked for."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot
        self._rows: HashMap | None = None

    def are_stored(self, texts: Sequence[str]) -> list[bool]:
        """For each text whether the index has its vector."""
        if self._snapshot is None:
            return [False] * len(texts)
        if self._rows is None:
            self._rows = HashMap()
            manifest = self._snapshot.manifest
            if manifest.next_row > manifest.base:
                self._rows.add_all(self._snapshot.text_hashes(manifest.base), manifest.base)
        return [row >= 0 for row in self._rows.get_all([text_hash(t) for t in texts]).tolist()]
