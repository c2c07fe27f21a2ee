"""Every mode on BEIR folders: `python -m tests.bench.modes FOLDER … [--rerank]`, or `make modes DATA=FOLDER`.

A folder is a collection, or holds some. One table: nDCG@10 and R@100 a mode, with the seconds of searching a
query. Passages and queries are encoded once for all modes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from qembed.pipeline.experiments.eval_options import EvalOptions
from qembed.pipeline.experiments.evaluate import run_evaluation
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.retrieval.options import MODES, QueryOptions


def collections(folders: list[Path]) -> list[Path]:
    """The BEIR folders among, and directly inside, the given ones."""
    found: list[Path] = []
    for folder in folders:
        inside = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
        found += [p for p in inside if (p / "corpus.jsonl").exists()]
    return found


def main() -> None:
    """Prints the table."""
    arguments = sys.argv[1:]
    rerank = "--rerank" in arguments
    folders = collections([Path(a) for a in arguments if a != "--rerank"])
    if not folders:
        sys.exit("python -m tests.bench.modes FOLDER …: no corpus.jsonl there")
    ways = {mode: QueryOptions(mode=mode) for mode in MODES}
    ways["hybrid, rrf"] = QueryOptions(mode="hybrid", fusion="rrf")
    if rerank:
        ways["auto, late"] = QueryOptions(rerank="late")
    print(f"{'collection':16} {'mode':14} {'nDCG@10':>8} {'R@100':>8} {'ms a query':>11}")
    for folder in folders:
        for name, asked in ways.items():
            wanted = EvalOptions(
                beir=folder, measures="nDCG@10 R@100", query=asked, index=IndexOptions(), latency=0
            )
            body = run_evaluation(wanted, Path.cwd).body
            seconds = body["settings"]["seconds"]
            spent = sum(seconds.get(s, 0.0) for s in ("search", "lexical", "fuse", "rerank"))
            m = body["measures"]
            print(
                f"{folder.name:16} {name:14} {m['nDCG@10']:8.4f} {m['R@100']:8.4f} "
                f"{1000 * spent / body['queries']:11.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
