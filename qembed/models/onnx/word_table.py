"""Word table of a transformer, read from its file row by row.

Four fifths of a multilingual model's weights are its word table, of which a text needs a few rows. Of a
mapped file, the kernel loads up to a megabyte around each of them; read, they take their own size.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

from qembed.models.onnx.cache import Export, ExportDamaged

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WORD_TABLE = "words.bin"
"""File of an export: float32 (words, width)."""


class WordTable:
    """Rows of an export's word table. `width`: of a row. Thread-safe. Raises ExportDamaged."""

    def __init__(self, export: Export, width: int) -> None:
        self._path = export.folder / WORD_TABLE
        self._width = width
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as e:
            raise ExportDamaged(f"{self._path}: {e}") from e
        weakref.finalize(self, os.close, self._file)

    def rows(self, ids: npt.NDArray[np.integer[Any]]) -> Any:
        """Rows of the ids, float32 (len(ids), width). Raises ExportDamaged for an id beyond the table."""
        import numpy as np

        distinct, where = np.unique(ids, return_inverse=True)
        size = 4 * self._width
        data = bytearray(len(distinct) * size)
        view = memoryview(data)
        for i, row in enumerate(distinct.tolist()):
            part = view[i * size : (i + 1) * size]
            if os.preadv(self._file, [part], row * size) != size:
                raise ExportDamaged(f"{self._path}: no row {row}")
        return np.frombuffer(data, dtype=np.float32).reshape(-1, self._width)[where]
