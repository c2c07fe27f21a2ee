"""For every n: the n-th write, sync or rename fails, or the process dies there.

Afterwards a reader finds the old generation or the new one, never a mix; doing it again converges; and
nothing is left lying about.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import StorageError
from qembed.store import Catalog, Snapshot, Writer, compaction
from qembed.store.integrity import check_derived
from qembed.store.manifest import Manifest
from qembed.store.vector_files import codes as codes_module
from qembed.store.vector_files.stored_vectors import update_vector_files
from tests.store.helpers import contents, make, put, recipe

pytestmark = pytest.mark.slow

OLD = {"a": ["one", "two"], "b": ["three"], "c": ["four", "five", "six"]}


class Died(BaseException):
    """Stands for a killed process: nothing may catch it and carry on."""


class Faults:
    """Makes the n-th call to the disk fail, counted over writes, syncs and renames together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, n: int, kind: str) -> None:
        self.left = n
        self.kind = kind
        self.hit = False
        for name in ("write", "fsync", "replace"):
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, real: Callable) -> Callable:  # type: ignore[type-arg]
        def call(*args):  # type: ignore[no-untyped-def]
            self.left -= 1
            if self.left == 0 or (self.hit and self.kind == "full"):
                self.hit = True
                if name == "write" and len(args[1]) > 1:
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])  # torn
                if self.kind == "dies":
                    raise Died
                raise OSError(28, "No space left on device")
            return real(*args)

        return call


def extend_vector_files(root: Path, manifest: Manifest) -> None:
    with Snapshot.of(root, manifest) as snapshot:
        update_vector_files(snapshot)


def wrong_vectors(root: Path) -> list[str]:
    """Findings that matrix or codes, which a reader would believe, are of other vectors."""
    with Snapshot.open(root) as snapshot:
        return [f.what for f in check_derived(snapshot) if "answers were wrong" in f.what]


def add(root: Path) -> dict[str, list[str]]:
    with Writer(root) as writer:
        snapshot = writer.snapshot()
        assert snapshot is not None
        keep = np.array([line.id != "b" for line in snapshot.catalog.entries()])
        others = [x.id for x in snapshot.catalog.entries() if x.id != "b"]
        lines = [put(writer, "b", ["three again"])]
        lines += [put(writer, "d", ["seven"])] if "d" not in others else []
        manifest = writer.commit(snapshot.catalog.edit(keep, [Catalog.of(lines)]))
        extend_vector_files(root, manifest)
    return {**OLD, "b": ["three again"], "d": ["seven"]}


def compact(root: Path) -> dict[str, list[str]]:
    with Writer(root) as writer:
        snapshot = writer.snapshot()
        assert snapshot is not None
        keep = np.array([line.id != "b" for line in snapshot.catalog.entries()])
        writer.commit(snapshot.catalog.edit(keep, []))
        manifest = compaction.compact(writer, writer.snapshot())  # type: ignore[arg-type]
        extend_vector_files(root, manifest)
    return {k: v for k, v in OLD.items() if k != "b"}


def rebuild(root: Path) -> dict[str, list[str]]:
    new = {"a": ["uno"], "z": ["zwei", "drei"]}
    with Writer(root) as writer:
        writer.begin_rebuild(recipe(max_tokens=32), "test")
        snapshot = writer.snapshot()
        done = {x.id for x in snapshot.catalog.entries()} if snapshot else set()
        catalog = snapshot.catalog if snapshot else Catalog()
        for name, texts in new.items():
            if name not in done:
                line = put(writer, name, texts)
                keep = np.ones(len(catalog), bool)
                catalog = catalog.edit(keep, [Catalog.of([line])])
                writer.commit(catalog)
        writer.finish_rebuild()
    return new


@pytest.mark.parametrize("kind", ["fails", "full", "dies"])
@pytest.mark.parametrize("work", [add, compact, rebuild])
def test_every_point_of_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Path], dict[str, list[str]]],
    kind: str,
) -> None:
    monkeypatch.setattr(codes_module, "CODED_ROWS", 1)
    start = tmp_path / "start"
    make(start, OLD)
    trial = tmp_path / "trial"
    shutil.copytree(start, trial)
    new = work(trial)
    clean = {p.relative_to(trial).parts[0] for p in trial.rglob("*") if p.is_file()}
    for n in itertools.count(1):
        root = tmp_path / f"n{n}"
        shutil.copytree(start, root)
        with monkeypatch.context() as patch:
            faults = Faults(patch, n, kind)
            try:
                work(root)
            except (StorageError, OSError, Died):
                assert faults.hit
        found = contents(root)
        assert not wrong_vectors(root), f"after failure {n}"
        steps = [OLD, new]
        assert found in steps, f"a mix after failure {n}"
        if not faults.hit:
            assert n > 8, "the fault never came: what is counted is not what is called"
            return
        assert work(root) == new
        assert contents(root) == new
        assert not wrong_vectors(root)
        left = {p.relative_to(root).parts[0] for p in root.rglob("*") if p.is_file()}
        assert not [x for x in left if x.endswith(".tmp")]
        assert len(left - clean) <= 2, "other generations' documents at most"
        shutil.rmtree(root)
