"""Rows of a word table, read from its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.models.onnx.cache import Export, ExportDamaged
from qembed.models.onnx.word_table import WORD_TABLE, WordTable


def test_rows_by_id(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    table.tofile(tmp_path / WORD_TABLE)
    found = WordTable(Export(tmp_path, {}), 8)
    ids = np.array([3, 49, 0, 3, 3, 17])
    np.testing.assert_array_equal(found.rows(ids), table[ids])
    assert found.rows(ids[:0]).shape[0] == 0
    with pytest.raises(ExportDamaged, match=r"words\.bin: no row 50"):
        found.rows(np.array([50]))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ExportDamaged):
        WordTable(Export(tmp_path, {}), 8)
