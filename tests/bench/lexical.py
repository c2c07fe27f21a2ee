"""Lexical search: python -m tests.bench.lexical [PASSAGES]

A corpus of made-up English with Zipf's distribution of words, 100 words a passage. The other side is
SQLite's FTS5, given the same terms; each cold query runs in a process of its own.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from qembed.search.lexical.analyzer import terms_of
from qembed.search.lexical.bm25 import LexicalIndex
from qembed.search.lexical.files import check
from qembed.search.lexical.writer import LexicalWriter
from tests.bench.table import fact, in_turn, row

COLD = """
import sys, time
began = time.perf_counter()
from pathlib import Path
from qembed.search.lexical.bm25 import LexicalIndex
import numpy
loaded = time.perf_counter()
index = LexicalIndex.open(Path(sys.argv[1]), sums=sys.argv[3] == "sums")
opened = time.perf_counter()
index.coverage(sys.argv[2])
index.search(sys.argv[2], 100)
print(opened - loaded, time.perf_counter() - loaded, time.perf_counter() - began)
"""
COLD_FTS = """
import sqlite3, sys, time
from qembed.search.lexical.analyzer import terms_of
began = time.perf_counter()
c = sqlite3.connect(sys.argv[1])
words = " OR ".join(f'"{t}"' for t in terms_of(sys.argv[2]))
c.execute("select rowid, bm25(f) from f where f match ? order by rank limit 100", (words,)).fetchall()
print(time.perf_counter() - began)
"""


def corpus(n: int, rng: random.Random) -> list[str]:
    """n passages of 100 words."""
    letters = "aeioubcdfghklmnprstvw"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 10))) for _ in range(60_000)]
    vocabulary[:8] = ["the", "of", "and", "in", "to", "is", "a", "for"]
    weights = [1 / (i + 3) for i in range(len(vocabulary))]
    words = rng.choices(vocabulary, weights=weights, k=2_000_000)
    starts = [rng.randrange(len(words) - 100) for _ in range(n)]
    return [" ".join(words[a : a + 100]) for a in starts]


def cold(code: str, *arguments: str) -> list[float]:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return [float(x) for x in done.stdout.split()]


def lexical(folder: Path, texts: list[str], rng: random.Random) -> None:
    """Building, appending, asking."""
    n = len(texts)
    began = time.perf_counter()
    with LexicalWriter(folder / "lexical") as writer:
        writer.add(range(n), [""] * n, texts)
        writer.commit()
    built = time.perf_counter() - began
    size = sum(f.stat().st_size for f in (folder / "lexical").iterdir())
    fact("lexical index, a passage", f"{built / n * 1e3:.2f} ms, {size / n:.0f} bytes")
    terms = [" ".join(terms_of(t)) for t in texts]
    with closing(sqlite3.connect(folder / "fts")) as c:
        c.execute("create virtual table f using fts5(t, content='', tokenize=\"unicode61\")")
        c.executemany("insert into f(rowid, t) values (?, ?)", enumerate(terms))
        c.commit()
    queries = [" ".join(rng.choice(texts).split()[:12]) for _ in range(9)]
    path = str(folder / "lexical")
    ours = [cold(COLD, path, q, "ends") for q in queries]
    summed = [cold(COLD, path, q, "sums") for q in queries[:3]]
    fts = [cold(COLD_FTS, str(folder / "fts"), q)[0] for q in queries]
    query = statistics.median(o[1] for o in ours)
    other = statistics.median(fts)
    row(f"cold query, {n:,} passages", query, other, query / other, "SQLite FTS5")
    fact("  of it opening", f"{statistics.median(o[0] for o in ours) * 1e3:.1f} ms")
    fact("  with imports (numpy too)", f"{statistics.median(o[2] for o in ours) * 1e3:.0f} ms")
    fact("  all files summed", f"{statistics.median(o[1] for o in summed) * 1e3:.0f} ms")
    index = LexicalIndex.open(folder / "lexical")
    some = np.zeros(n, dtype=bool)
    some[:: max(1, n // 1000)] = True
    most = np.ones(n, dtype=bool)
    most[::10] = False
    for name, mask in (("1,000 rows allowed", some), ("a tenth dead", most)):
        masked, plain, ratio = in_turn(
            lambda m=mask: [index.search(q, 100, live=m) for q in queries],
            lambda: [index.search(q, 100) for q in queries],
        )
        row(f"{len(queries)} warm queries, {name}", masked, plain, ratio, "none masked")
    before = {f.name for f in (folder / "lexical").iterdir()}
    began = time.perf_counter()
    with LexicalWriter(folder / "lexical", n) as writer:
        writer.add(range(n, n + 100), [""] * 100, texts[:100])
        writer.commit()
    new = [f for f in (folder / "lexical").iterdir() if f.name not in before]
    fact(
        "100 passages more",
        f"{time.perf_counter() - began:.2f} s, {sum(f.stat().st_size for f in new) / 1e3:.0f} KB written",
    )
    began = time.perf_counter()
    check(folder / "lexical")
    fact("checksums of everything", f"{(time.perf_counter() - began) * 1e3:.0f} ms")


if __name__ == "__main__":
    generator = random.Random(1)
    with tempfile.TemporaryDirectory() as made:
        lexical(Path(made), corpus(int((sys.argv[1:] or ["100000"])[0]), generator), generator)
