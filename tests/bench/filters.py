"""Filters that leave one document of a hundred, against no filter: python -m tests.bench.filters [DOCUMENTS]

Documents of one passage each, searched exactly. Warm: one session answers both in turn, each filter evaluated
anew as a server does it, columns kept. Cold: a process for each answer, timed from its first import to
the text of its hits. Every answer is held against all cosines of the passages that the oracle lets through.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qembed.pipeline.filters import Allowed, Filters
from qembed.pipeline.retrieval.session import Session
from qembed.store import Catalog, CatalogEntry, Snapshot, Writer, text_hash
from qembed.store.vector_files.matrix import extend_matrix
from qembed.types import Passage, Recipe
from tests.bench.table import fact, in_turn, row

DIM = 384
ROUNDS = 7
COLD = """
import sys, time
began = time.perf_counter()
from pathlib import Path
import numpy as np
from qembed.pipeline.retrieval.session import Session
session = Session(Path(sys.argv[1]))
vectors = np.load(sys.argv[2])
allowed = session.documents.filters.allowed([sys.argv[3]]) if sys.argv[3] else None
found, _ = session.search.vector_search(vectors, 10, "exact", None, allowed)
rows = found[0][0]
lines, passages = session.snapshot.entries_of(rows), session.documents.passages(rows)
print(time.perf_counter() - began, *sorted(rows.tolist()))
"""

Meta = Mapping[str, Any]
FILTERS: Mapping[str, Callable[[int, str, Meta], bool]] = {
    "user_id = 'user7'": lambda i, path, m: m["user_id"] == "user7",
    "user_id in ('user7', 'nobody')": lambda i, path, m: m["user_id"] == "user7",
    "date >= '2099-01-01'": lambda i, path, m: m["date"] >= "2099-01-01",
    "size < 10.5": lambda i, path, m: m["size"] <= 10,
    "score > 0.99": lambda i, path, m: m["score"] > 0.99,
    "tags = 't7'": lambda i, path, m: "t7" in m["tags"],
    "path glob 'b7/*'": lambda i, path, m: path.startswith("b7/"),
    "path glob '*/f?7[0-9]7.md'": lambda i, path, m: (
        len(path.split("/f")[1]) == 7 and path[-6] == "7" == path[-4]
    ),
    "suffix = '.rst'": lambda i, path, m: path.endswith(".rst"),
    "mtime < '2023-11-14T22:46:40Z'": lambda i, path, m: i < 2_000,
    "rare exists": lambda i, path, m: "rare" in m,
    # values of several types and objects have no column: they are decoded from JSON
    "mixed = 'x7'": lambda i, path, m: m["mixed"] in ("x7", ["x7"]),
    "mixed > 'x98'": lambda i, path, m: m["mixed"] in ("x99", ["x99"]),
    "owner.id = 'u7'": lambda i, path, m: m["owner"]["id"] == "u7",
    "user_id = 'user7' and owner.id > 'u'": lambda i, path, m: m["user_id"] == "user7",
    "user_id = 'user7' and date >= '2010-01-01' and not path glob '*q*'": lambda i, path, m: (
        m["user_id"] == "user7" and m["date"] >= "2010"
    ),
    "(date < '2000-06-01' or size <= 2) and not (rare exists or score < 0.1)": lambda i, path, m: (
        (m["date"] < "2000-06-01" or m["size"] <= 2) and "rare" not in m and m["score"] >= 0.1
    ),
}


def documents(n: int) -> list[tuple[str, Meta]]:
    """(path, metadata) of n documents."""
    rng = random.Random(1)
    made = []
    for i in range(n):
        meta: dict[str, Any] = {
            "user_id": f"user{i % 100}",
            "date": f"2{i // 7 % 100:03d}-{i % 12 + 1:02d}-{i % 28 + 1:02d}",
            "size": rng.randrange(1, 1001),
            "score": rng.random(),
            "tags": [f"t{rng.randrange(100)}", "all"],
            "mixed": f"x{i % 100}" if i % 2 else [f"x{i % 100}"],
            "owner": {"id": f"u{i % 100}"},
        }
        if i % 100 == 3:
            meta["rare"] = True
        name = f"{'abcd'[i % 4]}{i % 25}/f{i}.{'rst' if i % 100 == 5 else 'md'}"
        made.append((name, meta))
    return made


def build(root: Path, vectors: np.ndarray, given: list[tuple[str, Meta]]) -> None:
    """An index of these documents, without graph and words."""
    recipe = Recipe("bench", "1", DIM, "mean", "{text}", "title text", 64, 8, "auto")
    with Writer(root) as writer:
        writer.create(recipe, "bench")
        catalogs = []
        for at in range(0, len(given), 10_000):
            part = given[at : at + 10_000]
            texts = [f"passage {i}" for i in range(at, at + len(part))]
            passages = [
                Passage(p, 0, 0, len(t), t, 1, 1) for (p, _), t in zip(part, texts, strict=True)
            ]
            first = writer.append(
                passages, [text_hash(t) for t in texts], vectors[at : at + len(part)]
            )
            lines = []
            for j, (p, meta) in enumerate(part):
                when = (1_700_000_000 + at + j) * 10**9
                lines.append(
                    CatalogEntry(
                        f"docs/{p}", "docs", p, text_hash(p), 9, when, first + j, 1, f"T {p}", meta
                    )
                )
            catalogs.append(Catalog.of(lines))
        writer.commit(Catalog().edit(np.zeros(0, bool), catalogs))
    with Snapshot.open(root) as snapshot:
        extend_matrix(snapshot)


def cold(root: Path, query: Path, text: str) -> tuple[float, list[int]]:
    """Seconds and rows of an answer in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", COLD, str(root), str(query), text],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    took, *rows = done.stdout.split()
    return float(took), [int(r) for r in rows]


def main(n: int = 200_000) -> None:
    """Prints the two tables."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(n, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = documents(n)
    with tempfile.TemporaryDirectory() as work:
        root, query = Path(work) / "index", Path(work) / "query.npy"
        build(root, vectors, given)
        np.save(query, vectors[:1] + vectors[1:2])
        asked = np.load(query)
        size = next(root.glob("documents-*")).stat().st_size
        raw = sum(len(json.dumps(m)) for _, m in given)
        fact("documents file", f"{size / n:.0f} bytes a document ({raw / n:.0f} of JSON)")
        scores = vectors @ asked[0]
        with Session(root) as session:
            kept = session.documents.filters.documents()

            def answer(text: str) -> set[int]:
                allowed: Allowed | None = None
                if text:
                    allowed = Filters(session.snapshot, kept).allowed([text])
                found, _ = session.search.vector_search(asked, 10, "exact", None, allowed)
                rows = found[0][0]
                _ = session.snapshot.entries_of(rows), session.documents.passages(rows)
                return set(rows.tolist())

            for text, passes in FILTERS.items():
                inside = np.array([passes(i, *d) for i, d in enumerate(given)])
                best = np.flatnonzero(inside)[np.argsort(-scores[inside])[:10]]
                assert answer(text) == set(best.tolist()), text
                a, b, ratio = in_turn(lambda t=text: answer(t), lambda: answer(""), ROUNDS)
                row(f"warm: {text[:60]}", a, b, ratio, f"no filter ({inside.mean():.1%} left)")
                with_, without = [], []
                for _ in range(ROUNDS):
                    took, rows = cold(root, query, text)
                    assert set(rows) == set(best.tolist()), text
                    with_.append(took)
                    without.append(cold(root, query, "")[0])
                ratio = statistics.median(x / y for x, y in zip(with_, without, strict=True))
                ours, other = statistics.median(with_), statistics.median(without)
                row(f"cold: {text[:60]}", ours, other, ratio, "no filter")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
