"""qembed beside other engines: the same vectors and queries, whole processes.

    python -m tests.bench.peers --python PYTHON             100,000 vectors
    python -m tests.bench.peers --python PYTHON 20000 --only qembed "FAISS flat"

PYTHON: an interpreter that has the engines, by `pip install faiss-cpu usearch sqlite-vec apsw
lancedb chromadb duckdb-extensions duckdb-extension-vss`.
qembed reads texts, encodes them by a static encoder, makes a word index and a profile; the others are
given vectors.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query
from tests.bench.encoder import real_queries, real_texts, static
from tests.bench.peers.engine import FILTERED, SHARES, WARM, K
from tests.bench.peers.engines import ENGINES
from tests.bench.processes import run
from tests.bench.table import fact

SPEC = "py:tests.bench.encoder:static"
ROOT = Path(__file__).resolve().parents[3]
COLUMNS = (
    "build, s", "CPU, s", "peak, MiB", "bytes a vector", "cold query, s", "cold peak, MiB", "warm query, ms",
    "recall@10", "1 %: ms", "recall", "50 %: ms", "recall", "100 more, s",
)  # fmt: skip


class Truth:
    """Rows that an exact search finds, by filter: the largest inner products."""

    def __init__(self, vectors: np.ndarray, queries: np.ndarray) -> None:
        self._scores = queries[:WARM] @ vectors.T
        self._part = np.arange(len(vectors)) % 100

    def recall(self, found: Sequence[Sequence[int]], allowed: tuple[int, int] | None) -> float:
        """Mean share of the K best that were found; equals count alike."""
        shares = []
        for scores, rows in zip(self._scores, found, strict=False):
            if allowed is not None:
                inside = (self._part >= allowed[0]) & (self._part < allowed[1])
                scores = np.where(inside, scores, -2)
            limit = np.partition(scores, -K)[-K] - 1e-6
            shares.append(sum(scores[r] >= limit for r in rows if r < len(scores)) / K)
        return float(np.mean(shares))


def size_of(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def warm_columns(told: Any, truth: Truth) -> list[str]:
    """Cells of the warm queries, without a filter and with each."""
    cells = []
    for name, allowed in (("all", None), *((str(s), a) for s, a in SHARES.items())):
        found = told[name]["found"]
        if found[0] is None:
            cells += ["-", "-"]
            continue
        cells += [
            f"{statistics.median(told[name]['ms']):.2f}",
            f"{truth.recall(found, allowed):.3f}",
        ]
    return cells


def measure_peer(name: str, python: str, top: Path, truth: Truth, n: int) -> list[str]:
    """Cells of an engine's row."""
    # threads that spin at barriers stand still where another program wants the cores
    root = str(Path(__file__).resolve().parents[3])
    env = {
        **os.environ,
        "ANONYMIZED_TELEMETRY": "False",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": root,
    }

    def step(what: str) -> Any:
        return run([python, "-m", "tests.bench.peers.engines", name, what, str(top)], env)

    def said(ran: Any) -> Any:
        return json.loads(ran.out.splitlines()[-1])

    folder = top / ENGINES[name].__name__
    built = step("build")
    size = size_of(folder) / n
    cold = [step("cold") for _ in range(4)][1:]
    warm = said(step("warm"))
    added = step("add")
    shutil.rmtree(folder)
    return [
        f"{built.seconds:.1f}", f"{built.cpu:.1f}", f"{built.mib:,.0f}", f"{size:,.0f}",
        f"{statistics.median(c.seconds for c in cold):.2f}", f"{max(c.mib for c in cold):,.0f}",
        *warm_columns(warm, truth), f"{added.seconds:.2f}",
    ]  # fmt: skip


def measure_qembed(top: Path, texts: Sequence[str], asked: Sequence[str], truth: Truth) -> Any:
    """Cells of the rows of exact search and of the graph."""
    work = top / "qembed"
    (work / "docs").mkdir(parents=True)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "QEMBED_MODEL": SPEC}

    def qembed(*args: str) -> Any:
        return run([sys.executable, "-m", "qembed", *args], env, work)

    def write(name: str, part: Sequence[str], first: int) -> None:
        rows = (
            {"_id": str(first + i), "text": t, "part": (first + i) % 100}
            for i, t in enumerate(part)
        )
        path = work / f"docs/{name}.jsonl"
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
        os.utime(path, (1.7e9, 1.7e9))  # a file that was changed just now is read again

    n = len(texts) - 100
    write("first", texts[:n], 0)
    built = qembed("index", "docs", "--chunker", "none", "--format", "json", "-q")
    fact("qembed's build", json.dumps(built.json["seconds"]))
    size = size_of(work / ".qembed") / n
    rows = {}
    for search in ("exact", "graph"):
        cold = [
            qembed("query", asked[0], "--search", search, "--mode", "dense", "--format", "jsonl")
            for _ in range(4)
        ][1:]
        told: Any = {}
        with Session(work / ".qembed") as session:
            for name, allowed in (("all", None), *((str(s), a) for s, a in SHARES.items())):
                where = (
                    () if allowed is None else (f"part >= {allowed[0]} and part < {allowed[1]}",)
                )
                options = QueryOptions(k=K, mode="dense", search=search, where=where)  # type: ignore[arg-type]
                retriever = Retriever(session, options)
                retriever.answer([Query("0", asked[0])])
                took, found = [], []
                for text in asked[: WARM if allowed is None else FILTERED]:
                    began = time.perf_counter()
                    answer = retriever.answer([Query("0", text)])
                    took.append((time.perf_counter() - began) * 1e3)
                    found.append(
                        [int(h.passage.document.split("#")[-1]) for h in answer.results[0].hits]
                    )
                told[name] = {"ms": took, "found": found}
        rows[search] = [
            f"{statistics.median(c.seconds for c in cold):.2f}", f"{max(c.mib for c in cold):,.0f}",
            *warm_columns(told, truth),
        ]  # fmt: skip
    write("more", texts[n:], n)
    added = qembed("index", "--format", "json", "-q")
    first = [f"{built.seconds:.1f}", f"{built.cpu:.1f}", f"{built.mib:,.0f}", f"{size:,.0f}"]
    return {f"qembed, {s}": [*first, *cells, f"{added.seconds:.2f}"] for s, cells in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("vectors", nargs="?", type=int, default=100_000)
    parser.add_argument("--python", default=sys.executable, help="with the engines")
    parser.add_argument("--only", nargs="*", default=["qembed", *ENGINES])
    given = parser.parse_args()
    n = given.vectors
    texts, asked = real_texts(n + 100), real_queries(WARM)
    vectors, queries = static().encode(texts), static().encode(asked)
    truth = Truth(vectors[:n], queries)
    table: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        for name, array in (("vectors", vectors[:n]), ("more", vectors[n:]), ("queries", queries)):
            np.save(top / f"{name}.npy", array)
        del vectors
        if "qembed" in given.only:
            table |= measure_qembed(top, texts, asked, truth)
            shutil.rmtree(top / "qembed")
        for name in ENGINES:
            if name in given.only:
                table[name] = measure_peer(name, given.python, top, truth, n)
                fact(name, " · ".join(table[name]))
    version = subprocess.run(
        [given.python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True
    ).stdout.lower()
    named = [v for v in version.split() if v.partition("==")[0] in PACKAGES]
    fact("versions", ", ".join(named))
    print("\n| " + " | ".join([f"{n:,} vectors", *COLUMNS]) + " |")
    print("| " + " | ".join(["---"] * (len(COLUMNS) + 1)) + " |")
    for name, cells in table.items():
        print("| " + " | ".join([name, *cells]) + " |")


PACKAGES = ("faiss-cpu", "usearch", "sqlite-vec", "lancedb", "chromadb", "duckdb")

if __name__ == "__main__":
    main()
