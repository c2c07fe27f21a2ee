"""The matrix of all vectors follows commits, and is not believed where it is not of this index."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from qembed.store import Snapshot
from qembed.store import manifest as manifests
from qembed.store.vector_files.matrix import extend_matrix, open_matrix
from tests.store.helpers import A, files, make, vector


class TestMatrix:
    def matrix(self, root: Path) -> tuple[np.ndarray, int]:
        opened = open_matrix(root, manifests.read(root))
        assert opened is not None
        return opened

    def test_follows_commits_in_place(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        extend_matrix(Snapshot.open(root))
        name = {f for f in files(root) if f.endswith(".bin")}
        make(root, {"c": ["four"]})
        stale = self.matrix(root)
        assert stale[1] == 3
        extend_matrix(Snapshot.open(root))
        matrix, upto = self.matrix(root)
        assert upto == 4
        expected = np.stack([vector(t) for t in ("one", "two", "three", "four")])
        np.testing.assert_array_equal(matrix, expected)
        assert {f for f in files(root) if f.endswith(".bin")} == name

    def test_what_a_killed_writer_appended_is_cut_off(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        extend_matrix(Snapshot.open(root))
        path = next((root / "derived").glob("*.bin"))
        with path.open("ab") as f:
            f.write(b"half a vec")
        make(root, {"c": ["four"]})
        extend_matrix(Snapshot.open(root))
        np.testing.assert_array_equal(self.matrix(root)[0][3], vector("four"))

    def test_a_truncated_one_is_not_believed(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        extend_matrix(Snapshot.open(root))
        os.truncate(next((root / "derived").glob("*.bin")), 10)
        assert open_matrix(root, manifests.read(root)) is None

    def test_another_index_in_the_same_place_does_not_take_it(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        extend_matrix(Snapshot.open(root))
        (root / "manifest.json").unlink()
        (root / "first-run").touch()  # else it is refused
        make(root, A)
        assert open_matrix(root, manifests.read(root)) is None
