"""Readers in processes of their own, asking all the while a writer commits, compacts and rebuilds.

Every text of generation g says g, and a refresh changes all of them in one commit: so any answer that names
two numbers is a mix.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.store import Snapshot
from qembed.store.compaction import CompactionPolicy
from tests.pipeline.conftest import BAG

pytestmark = pytest.mark.slow

COMMITS = 100
READERS = 2
DOCUMENTS = 25
ROOT = Path(__file__).resolve().parents[3]

READER = """
import itertools, json, sys, time
from pathlib import Path
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

root, stop = Path(sys.argv[1]), Path(sys.argv[2])
answers, generations, searches, last = 0, set(), set(), 0
print("ready", flush=True)
for n in itertools.count():
    search = ("exact", "graph", "auto")[n % 3]
    with Session(root) as session:
        retriever = Retriever(session, QueryOptions(k=1000, search=search))
        said = set()
        for again in range(3):  # one session, through whatever the writer does meanwhile
            ranking = retriever.rank([Query("1", f"text {n} {again}")])
            ranked = ranking.queries[0]
            texts = [p.text for p in session.documents.passages(ranked.rows)]
            names = session.documents.document_ids(ranked.rows)
            assert len(texts) == len(set(names)) == DOCUMENTS, (search, len(texts), len(set(names)))
            said |= {int(t.split()[1]) for t in texts}
            answers += 1
            searches.add(ranking.plan.split()[0])
        assert len(said) == 1, f"a mix of {said}"
        now = said.pop()
        assert now >= last, "back in time"
        last = now
        generations.add(now)
    if stop.exists():
        break
    time.sleep(0.01)
print(json.dumps({"answers": answers, "generations": len(generations), "last": last,
                  "searches": sorted(searches)}), flush=True)
"""


def test_readers_through_a_hundred_commits(tmp_path: Path) -> None:
    policy = CompactionPolicy(dead_rows=3 * DOCUMENTS, most=2)
    folder, root, stop = tmp_path / "docs", tmp_path / "idx", tmp_path / "stop"
    folder.mkdir()
    (tmp_path / "reader.py").write_text(READER.replace("DOCUMENTS", str(DOCUMENTS)))

    def refresh(g: int, rebuild: bool = False) -> None:
        for i in range(DOCUMENTS):
            path = folder / f"d{i}.txt"
            path.write_text(f"generation {g} text {i}")
            os.utime(path, (1.5e9 + g, 1.5e9 + g))
        first = g == 0
        recipe = RecipeOptions(
            model=BAG if first else None, max_tokens=64 + g % 2 if first or rebuild else None
        )
        paths = [str(folder)] if first else []
        build(root, IndexOptions(paths=paths, recipe=recipe, rebuild=rebuild, compaction=policy))

    refresh(0)
    readers = [
        subprocess.Popen(
            [sys.executable, str(tmp_path / "reader.py"), str(root), str(stop)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(READERS)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        bases = set()
        for g in range(1, COMMITS + 1):
            refresh(g, rebuild=g % 20 == 0)
            with Snapshot.open(root) as snapshot:
                bases.add(snapshot.manifest.base)
            if any(r.poll() is not None for r in readers):
                break
        stop.touch()
        for reader in readers:
            out, err = reader.communicate(timeout=60)
            assert reader.returncode == 0, err
            done = json.loads(out.splitlines()[-1])
            assert done["last"] == g
            assert done["answers"] >= 15
            assert done["generations"] >= 5
            assert done["searches"] == ["exact", "graph"]
        assert len({b >> 32 for b in bases}) > 4, "no rebuilds"
        assert len({b % 2**32 for b in bases}) > 4, "no compactions"
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()
