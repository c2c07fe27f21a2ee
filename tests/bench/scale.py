"""How time, memory and disk grow with the number of passages.

    python -m tests.bench.scale                     10 thousand, 100 thousand, 200 thousand
    python -m tests.bench.scale --million           ... and a million: about 8 minutes on two cores
    python -m tests.bench.scale 5000 50000          other sizes
    python -m tests.bench.scale --against COMMIT    the same of another commit, and the ratios

Every step is a whole `qembed` process, its peak memory and the bytes it wrote as the kernel counts them.
The queries through a loaded graph run in this process. Prints a table in Markdown, of several sizes with
the exponent of each cost's growth from the last but one to the last, and plots for Mermaid.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qembed.pipeline.retrieval.session import Session
from tests.bench.encoder import real_queries, static, text_stream
from tests.bench.processes import Ran, run
from tests.bench.table import fact

SPEC = "py:tests.bench.encoder:static"
DIM = 384
FILE = 10_000
"""Records a file."""
QUERIES = 500
NUMBER = re.compile(r"[\d,]*\.?\d+")
LEAST = 0.1
"""Smallest figure whose growth is told: those below are rounded."""
PLOTTED = (
    "index",
    "peak memory of indexing",
    "one cold exact query",
    "100 new documents, beside encoding",
)
ROOT = Path(__file__).resolve().parents[2]


def qembed(folder: Path, *args: str) -> Ran:
    """Runs the command in `folder`."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "QEMBED_MODEL": SPEC}
    return run([sys.executable, "-m", "qembed", *args], env, folder)


@dataclass
class Measured:
    """One size's figures, by the name of their column."""

    passages: int
    figures: dict[str, str] = field(default_factory=dict)

    def say(self, name: str, value: str) -> None:
        self.figures[name] = value
        fact(f"{self.passages:,}: {name}", value)


def records(texts: Iterable[str], prefix: str) -> str:
    """JSON lines."""
    lines = (json.dumps({"_id": f"{prefix}{i}", "text": t}) for i, t in enumerate(texts))
    return "".join(f"{line}\n" for line in lines)


def measure(n: int, work: Path) -> Measured:
    """Everything for n passages, in the folder `work`."""
    m = Measured(n)
    texts = text_stream(n)
    (work / "docs").mkdir()
    for at in range(0, n, FILE):
        path = work / f"docs/{at:08d}.jsonl"
        path.write_text(records(itertools.islice(texts, FILE), f"d{at}-"))
        os.utime(path, (1.7e9, 1.7e9))

    built = qembed(work, "index", "docs", "--format", "json", "-q")
    took = built.json["seconds"]
    m.say("index", f"{built.seconds:.1f} s, {n / built.seconds:,.0f} passages/s")
    m.say("of it encoding", f"{took['encode']:.1f} s")
    m.say("of it the graph", f"{took['derive']:.1f} s")
    m.say("index, seconds of CPU", f"{built.cpu:.1f} s")
    m.say("peak memory of indexing", f"{built.mib:,.0f} MiB")

    still = qembed(work, "index", "--format", "json", "-q")
    m.say("refresh, nothing changed", f"{still.seconds:.2f} s")

    new = work / "docs/new.jsonl"
    new.write_text(records(text_stream(100, skip=n), "new"))
    os.utime(new, (1.7e9, 1.7e9))
    added = qembed(work, "index", "--format", "json", "-q")
    encode = added.json["seconds"].get("encode", 0) + added.json["seconds"].get("load", 0)
    assert added.json["documents"]["added"] == 100, added.out
    m.say("100 new documents, beside encoding", f"{added.seconds - encode:.2f} s")
    m.say("100 new documents, written", f"{added.wrote:,.1f} MB")
    m.say("100 new documents, peak memory", f"{added.mib:,.0f} MiB")

    query = real_queries(1)[0]
    cold = [
        qembed(work, "query", query, "--search", "exact", "--format", "jsonl") for _ in range(4)
    ][1:]
    m.say("one cold exact query", f"{statistics.median(c.seconds for c in cold):.2f} s")
    m.say("one cold exact query, CPU", f"{statistics.median(c.cpu for c in cold):.3f} s")
    m.say("one cold exact query, peak memory", f"{max(c.mib for c in cold):,.0f} MiB")

    warm(m, work / ".qembed")
    status = qembed(work, "status", "--format", "json").json["bytes"]
    rows = status["shards"] / (n + 100), status["documents"] / (n + 100), status["derived"] / n
    m.say(
        "bytes a passage",
        f"{sum(rows):,.0f} = {sum(rows) / (4 * DIM):.2f} x 4·dim (shards {rows[0]:,.0f}, "
        f"documents {rows[1]:,.0f}, derived {rows[2]:,.0f})",
    )
    return m


def warm(m: Measured, root: Path) -> None:
    """Queries one by one through the loaded graph, and exact search as the oracle."""
    queries = static().encode(real_queries(QUERIES))
    with Session(root) as session:
        truth, _ = session.search.vector_search(queries, 10, "exact")
        began = time.perf_counter()
        session.search.vector_search(queries[:1], 10, "graph")
        loading = time.perf_counter() - began
        times, found = [], []
        for q in queries:
            began = time.perf_counter()
            hits, plan = session.search.vector_search(q[None], 10, "graph")
            times.append(time.perf_counter() - began)
            found += hits
        assert plan.kind == "graph", plan.why
    shares = [
        len(np.intersect1d(a, b)) / len(b) for (a, _), (b, _) in zip(found, truth, strict=True)
    ]
    m.say("graph, loading and first query", f"{loading:.2f} s")
    m.say("loaded graph, median", f"{statistics.median(times) * 1e3:.2f} ms ({plan.why})")
    m.say("loaded graph, recall@10", f"{np.mean(shares):.4f}")


def number(figure: str) -> float:
    """First number of a figure."""
    found = NUMBER.search(figure)
    assert found is not None, figure
    return float(found[0].replace(",", ""))


def exponent(name: str, all_: Sequence[Measured]) -> str:
    """x of n^x, from the last size but one to the last; "" for what is no cost or too small to be told."""
    a, b = (number(m.figures[name]) for m in all_[-2:])
    if "recall" in name or a < LEAST:
        return ""
    return f"{math.log(b / a) / math.log(all_[-1].passages / all_[-2].passages):.2f}"


def markdown(all_: Sequence[Measured]) -> str:
    """The figures, one column a size, and the exponents of several."""
    heads = ["", *(f"{m.passages:,}" for m in all_)]
    rows = [[name, *(m.figures[name] for m in all_)] for name in all_[0].figures]
    if len(all_) > 1:
        heads.append("exponent")
        rows = [[*row, exponent(row[0], all_)] for row in rows]
    lines = [" | ".join(cells) for cells in (heads, ["---", *["---:"] * (len(heads) - 1)], *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def plot(all_: Sequence[Measured], name: str) -> str:
    """A chart that GitHub draws, of logarithms: at sizes of ten times each its slope is the exponent."""
    sizes = ", ".join(f'"{m.passages:,}"' for m in all_)
    values = ", ".join(f"{math.log10(number(m.figures[name])):.2f}" for m in all_)
    unit = "MiB" if "memory" in name else "s"
    return (
        f'```mermaid\nxychart-beta\n    title "{name}"\n    x-axis "passages" [{sizes}]\n'
        f'    y-axis "log10 of {unit}"\n    line [{values}]\n```'
    )


def compare(commit: str, sizes: Sequence[int]) -> None:
    """Measures this checkout and another commit by its own benchmark, size by size; prints the ratios."""
    print("| | this | before | ratio |\n| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        other = Path(name) / "other"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(other), commit], check=True)
        try:
            for n in sizes:
                ours, theirs = (_table(root, n) for root in (ROOT, other))
                for what in (w for w in ours if w in theirs):
                    a, b = (NUMBER.search(side[what]) for side in (ours, theirs))
                    if a and b and (least := float(b[0].replace(",", ""))):
                        ratio = float(a[0].replace(",", "")) / least
                        row = (f"{n:,}: {what}", ours[what], theirs[what], f"{ratio:.2f}")
                        print(f"| {' | '.join(row)} |", flush=True)
        finally:
            subprocess.run([*git, "remove", "--force", str(other)], check=True)


def _table(root: Path, n: int) -> dict[str, str]:
    """Figures of one size that the benchmark of the checkout at `root` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.scale", str(n)],
        env={**os.environ, "PYTHONPATH": str(root)}, cwd=root,
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rows = (line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line[:1] == "|")
    return {cells[0]: cells[1] for cells in rows if len(cells) == 2}


def main(argv: Sequence[str] = ()) -> None:
    """Measures each size and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[])
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--against", metavar="COMMIT")
    args = parser.parse_args(list(argv))
    sizes = args.sizes or [10_000, 100_000, 1_000_000 if args.million else 200_000]
    if args.against:
        compare(args.against, sizes)
        return
    all_ = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as work:
            all_.append(measure(n, Path(work)))
    print()
    print(markdown(all_))
    for name in PLOTTED:
        print()
        print(plot(all_, name))


if __name__ == "__main__":
    main(sys.argv[1:])
