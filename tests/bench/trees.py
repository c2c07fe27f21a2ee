"""Real trees: what is read, left out and refused, what it costs, and whether what is in them is found.

    python -m tests.bench.trees [FOLDER ...] [--include GLOB] [--exclude GLOB]

Default: the standard library's sources and /usr/share/doc, together about 10 minutes on two slow cores.
The index is made with an encoder that runs no transformer (tests/bench/encoder.py); reading.py measures
what the built-in model would add.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.processes import run
from tests.bench.reading import LEFT_OUT, Rates, one_core, rates, usual
from tests.bench.table import fact

ROOT = Path(__file__).resolve().parents[2]
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}
MODEL = "py:tests.bench.encoder:static"
QEMBED = [sys.executable, "-m", "qembed"]
DEPTH = 10
"""Documents looked at for an answer."""
KNOWN_ITEMS = 100
WORDS = 12
"""Of a passage, as a query for it."""

ANSWERS = {
    "parse command line options argparse": "argparse.py",
    "heap queue priority": "heapq.py",
    "insert into a sorted list by bisection": "bisect.py",
    "shell style filename pattern matching": "fnmatch.py",
    "compare sequences of lines, unified diff": "difflib.py",
    "base64 encoding of binary data": "base64.py",
    "users and groups on a Debian system": "base-passwd/users-and-groups.html",
    "memory error detector leak check valgrind": "valgrind/html/mc-manual.html",
    "pip https certificates trusted host": "python3-pip/html/topics/https-certificates.md",
    "foreign function closure example ffi_prep_closure_loc": "libffi8/html/Closure-Example.html",
    "worker threads that run javascript in parallel": "nodejs/api/worker_threads.html",
}
"""A query and the file that answers it; asked of a tree that has the file."""


def make(folder: str, root: Path, options: Sequence[str]) -> Mapping[str, Any]:
    """Indexes a folder and prints what became of it."""
    command = [*QEMBED, "index", folder, "--index", str(root), "--model", MODEL]
    done = run([*command, "--format", "json", "-q", *options], ENV, codes=(0, 4))
    body: Mapping[str, Any] = done.json
    took = ", ".join(f"{k} {v:.0f}" for k, v in body["seconds"].items() if v >= 1 and k != "total")
    documents, passages = body["documents"], body["passages"]
    fact(
        "  indexed",
        f"{documents['added']:,} documents, {passages['total']:,} passages "
        f"({passages['encoded']:,} encoded), {done.seconds:.0f} s ({took}), {done.mib:,.0f} MiB at the peak",
    )
    suffixes = Counter(body["unknown_suffixes"]).most_common(8)
    for reason, n in sorted(body["skipped"].items(), key=lambda x: -x[1]):
        most = ", ".join(f"{n:,} {s or 'with none'}" for s, n in suffixes)
        fact("  left out", f"{n:,} × {reason}" + (f" ({most}, …)" if "suffix" in reason else ""))
    reasons = Counter(re.sub(r"0x\w+|\d+", "…", f["error"]) for f in body["failed"])
    for reason, n in reasons.most_common():
        first = next(f for f in body["failed"] if re.sub(r"0x\w+|\d+", "…", f["error"]) == reason)
        fact("  failed", f"{n:,} × {reason}, as {first['path']}: {first['error']}")
    if not body["failed"]:
        fact("  failed", "none")
    return body


def answered(root: Path, queries: Sequence[str]) -> list[list[dict[str, Any]]]:
    """The best documents for each query, by its words."""
    if not queries:
        return []
    lines = "".join(json.dumps({"_id": str(i), "text": q}) + "\n" for i, q in enumerate(queries))
    command = [*QEMBED, "query", "-", "--index", str(root), "--mode", "lexical", "--no-server"]
    done = subprocess.run(
        [*command, "-k", str(DEPTH), "--by", "document", "--format", "jsonl", "-q"],
        env=ENV, input=lines, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: list[list[dict[str, Any]]] = [[] for _ in queries]
    for line in done.stdout.splitlines():
        hit = json.loads(line)
        found[int(hit["query_id"])].append(hit)
    return found


def ask(folder: str, root: Path) -> None:
    """Queries with known answers, of those that the tree has."""
    asked = {q: name for q, name in ANSWERS.items() if Path(folder, name).is_file()}
    for (query, name), hits in zip(asked.items(), answered(root, list(asked)), strict=True):
        ranks = [i for i, h in enumerate(hits, 1) if f"/{h['document']}".endswith(f"/{name}")]
        what = f"found at rank {ranks[0]}" if ranks else f"NOT FOUND in {DEPTH}"
        fact(f"  {query[:58]}", f"{name}: {what}")


def known_items(root: Path, measured: Rates) -> None:
    """How many passages of a sample are found again by a few of their words."""
    wanted = []
    for document, text in random.Random(0).sample(measured.sample, len(measured.sample)):
        words = re.findall(r"\w+", text)
        if len(set(words)) >= WORDS and len(wanted) < KNOWN_ITEMS:
            at = (len(words) - WORDS) // 2
            wanted.append((document, words[at : at + WORDS]))
    hits = answered(root, [" ".join(words) for _, words in wanted])
    found = 0
    for (document, words), best in zip(wanted, hits, strict=True):
        # copies of a text are as good as the one that was drawn
        same = re.compile(r"\W+".join(map(re.escape, words)))
        found += any(h["document"].endswith(document) or same.search(h["text"]) for h in best)
    fact(f"  found by {WORDS} words of their own", f"{found} of {len(wanted)} passages")


def main(folders: Sequence[str], include: Sequence[str], exclude: Sequence[str]) -> None:
    """Prints the figures of each folder."""
    options = [x for g in include for x in ("--include", g)]
    options += [x for g in exclude for x in ("--exclude", g)]
    for folder in folders:
        fact(folder, " ".join(options))
        with tempfile.TemporaryDirectory() as made:
            root = Path(made) / "index"
            make(folder, root, options)
            ask(folder, root)
            with one_core():
                measured = rates(folder, include, exclude)
            measured.show()
            known_items(root, measured)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("folders", nargs="*", metavar="FOLDER")
    parser.add_argument("--include", action="append", default=[], metavar="GLOB")
    parser.add_argument("--exclude", action="append", default=[LEFT_OUT], metavar="GLOB")
    given = parser.parse_args()
    main(given.folders or usual(), given.include, given.exclude)
