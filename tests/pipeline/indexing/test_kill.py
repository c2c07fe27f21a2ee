"""kill -9 at a hundred random moments of real runs: nothing is lost, doubled, mixed or left lying about.

Each run is a forked child of this process, so that no time goes into imports; commits and compactions come
after a few rows instead of thousands, so that there are several in each run.
"""

from __future__ import annotations

import os
import random
import signal
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.store import Snapshot
from qembed.store.compaction import CompactionPolicy
from qembed.types import Query
from tests.pipeline.conftest import BAG

pytestmark = pytest.mark.slow

KILLS = 100
SOON = IndexOptions(
    batches=BatchPolicy(min_passages=6, max_passages=6, texts_per_call=4),
    commits=CommitPolicy(rows=12),
    compaction=CompactionPolicy(dead_rows=10, most=3),
)
"""Commits, compactions and merges after a few rows."""
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]


class World:
    """The files as they are, and every state each document had since a run last came to its end."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder = folder
        self.rng = rng
        self.now: dict[str, str] = {}
        self.seen: dict[str, set[str | None]] = {}
        self.version = 0
        folder.mkdir()

    def _put(self, name: str, text: str | None) -> None:
        self.seen.setdefault(name, {self.now.get(name)}).add(text)
        path = self.folder / name
        if text is None:
            path.unlink()
            del self.now[name]
        else:
            path.write_text(text)
            # an old time, another one each time: what is not changed is not read again
            self.version += 1
            os.utime(path, (1.5e9 + self.version, 1.5e9 + self.version))
            self.now[name] = text

    def _text(self) -> str:
        self.version += 1
        # some passages; every word says which state of the document it is of, and where it stood
        n = self.rng.randint(40, 160)
        return " ".join(f"v{self.version}_{i}_{self.rng.choice(WORDS)}" for i in range(n))

    def change(self) -> None:
        """Adds, changes, deletes and moves a few files."""
        for _ in range(self.rng.randint(1, 6)):
            kind = self.rng.choice(["add", "add", "change", "change", "delete", "move"])
            if kind == "add" or len(self.now) < 6:
                self._put(f"f{self.rng.randrange(16)}.txt", self._text())
                continue
            name = self.rng.choice(sorted(self.now))
            if kind == "change":
                self._put(name, self._text())
            elif kind == "delete":
                self._put(name, None)
            else:
                text = self.now[name]
                self._put(name, None)
                self._put(f"f{self.rng.randrange(16)}.txt", text)

    def settled(self) -> None:
        self.seen = {}

    def allowed(self, name: str) -> set[str | None]:
        return self.seen.get(name, set()) | {self.now.get(name)}


def run(root: Path, folder: Path, rebuild: bool, tokens: int) -> None:
    fresh = not (root / "manifest.json").exists()
    recipe = RecipeOptions(
        model=BAG if fresh else None, max_tokens=tokens if fresh or rebuild else None
    )
    paths = [str(folder)] if fresh else []
    build(root, replace(SOON, paths=paths, recipe=recipe, rebuild=rebuild))


def killed(root: Path, folder: Path, rebuild: bool, tokens: int, delay: float) -> bool:
    """Runs it in a child that is killed after `delay` seconds; False if it was done before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside Arrow's threads
        child = os.fork()
    if child == 0:
        code = 1
        try:
            run(root, folder, rebuild, tokens)
            code = 0
        except BaseException as e:
            os.write(2, f"{type(e).__name__}: {e}\n".encode())
        finally:
            os._exit(code)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), "a run failed by itself"
    return code != 0


def stored(root: Path) -> Iterator[tuple[str, list[str]]]:
    """(document, its passages) of the present generation."""
    with Snapshot.open(root) as snapshot:
        lines = snapshot.catalog.entries()
        names = [line.id for line in lines]
        assert len(set(names)) == len(names), "a document twice"
        for i, line in enumerate(lines):
            rows = snapshot.rows_of(np.array([i]))
            yield line.id, [p.text for p in snapshot.passages(rows)]


def check_contents(root: Path, world: World) -> None:
    """Every document is one of its states, whole; none that stood throughout is missing."""
    found = dict(stored(root))
    for name, passages in found.items():
        words = {word for p in passages for word in p.split()}
        whole = [t for t in world.allowed(name) if t is not None and set(t.split()) == words]
        assert whole, f"{name} is a mix, a part, or a text it never had"
    for name in world.now:
        assert name in found or None in world.allowed(name), f"{name} is lost"


def check_answers(root: Path, world: World) -> None:
    """A query is answered, and from documents as they are or were."""
    asked = QueryOptions(k=5, search=world.rng.choice(["auto", "exact", "graph"]))
    with Session(root) as session:
        generation = session.snapshot.manifest.generation
        text = world.now[world.rng.choice(sorted(world.now))]
        ranked = Retriever(session, asked).rank([Query("1", text[:200])]).queries
        names = session.documents.document_ids(ranked[0].rows)
        texts = [p.text for p in session.documents.passages(ranked[0].rows)]
        assert session.snapshot.manifest.generation == generation
        assert len(names) == min(5, session.snapshot.passages_total)
    for name, text in zip(names, texts, strict=True):
        assert any(t is not None and text in t for t in world.allowed(name))


def test_killed_at_any_moment(tmp_path: Path) -> None:
    rng = random.Random(3)
    root, world = tmp_path / "idx", World(tmp_path / "docs", rng)
    for _ in range(4):
        world.change()
    tokens, generation, kills = 64, 0, 0
    lengths = {True: 0.25, False: 0.25}
    pending = False  # a rebuild that was killed goes on as a rebuild of the same recipe
    kinds = {True: 0, False: 0}
    bases = set()
    while kills < KILLS:
        rebuild = pending or ((root / "manifest.json").exists() and rng.random() < 0.3)
        if rebuild and not pending:
            tokens = 64 if tokens != 64 else 80
        if killed(root, world.folder, rebuild, tokens, rng.random() * lengths[rebuild]):
            kills += 1
            kinds[rebuild] += 1
            lengths[rebuild] *= (
                1.02  # aim at the whole of a run: longer until some come to their end
            )
            pending = rebuild
        else:
            lengths[rebuild] *= 0.9
            pending = False
            world.settled()
        if (root / "manifest.json").exists():
            check_contents(root, world)
            check_answers(root, world)
            now = Snapshot.open(root).manifest.generation
            assert now >= generation
            generation = now
        if rng.random() < 0.7:  # now and then it is killed again before it could clear up
            run(root, world.folder, pending, tokens)
            pending = False
            findings = [f"{f.kind}: {f.what}" for f in verify(root)]
            assert findings == []
            found = dict(stored(root))
            assert set(found) == set(world.now)
            world.settled()
            check_contents(root, world)
            manifest = Snapshot.open(root).manifest
            generation = manifest.generation
            bases.add(manifest.base % 2**32)
            left = {p.name for p in root.rglob("*.tmp")} | {p.name for p in root.glob("rebuild*")}
            assert not left
        world.change()
    assert kinds[True] > 20
    assert len(bases) > 10, "no compactions: that is not what is to be killed"
