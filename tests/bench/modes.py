"""Every mode on BEIR folders: `python -m tests.bench.modes FOLDER … [options]`, or `make modes DATA=FOLDER`.

A folder is a collection, or holds some. A table of nDCG@10 and R@100 a mode, with the seconds of searching a
query; then one of the default mode against the best of the others, for each collection and model. Passages
and queries are encoded once for all modes, and kept in the cache folder for the next run.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qembed.pipeline.experiments.eval_options import EvalOptions
from qembed.pipeline.experiments.evaluate import run_evaluation
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import MODES, QueryOptions


def collections(folders: list[Path]) -> list[Path]:
    """The BEIR folders among, and directly inside, the given ones."""
    found: list[Path] = []
    for folder in folders:
        inside = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
        found += [p for p in inside if (p / "corpus.jsonl").exists()]
    return found


def sample(folder: Path, target: Path, documents: int, queries: int) -> Path:
    """Write a part of a collection: `queries` random ones, their relevant documents, and random others.

    The same part each time. Returns its folder, inside `target`.
    """
    rng = np.random.default_rng(0)
    (judged,) = [p for p in (folder / "qrels").glob("*.tsv") if p.stem in ("test", "dev")][:1]
    with judged.open(newline="") as f:
        rows = [r for r in list(csv.reader(f, delimiter="\t"))[1:] if float(r[2]) > 0]
    ids = sorted({r[0] for r in rows})
    kept = set(rng.permutation(ids)[:queries].tolist())
    rows = [r for r in rows if r[0] in kept]
    lines = {json.loads(x)["_id"]: x for x in (folder / "corpus.jsonl").open()}
    wanted = {r[1] for r in rows}
    others = rng.permutation(sorted(lines.keys() - wanted))[: max(0, documents - len(wanted))]
    wanted |= set(others.tolist())
    part = target / folder.name
    (part / "qrels").mkdir(parents=True)
    (part / "corpus.jsonl").write_text("".join(x for i, x in lines.items() if i in wanted))
    asked = [x for x in (folder / "queries.jsonl").open() if json.loads(x)["_id"] in kept]
    (part / "queries.jsonl").write_text("".join(asked))
    table = ["query-id\tcorpus-id\tscore", *("\t".join(r[:3]) for r in rows)]
    (part / "qrels/test.tsv").write_text("\n".join(table) + "\n")
    return part


def measure(folder: Path, model: str | None, rerank: bool) -> Iterator[tuple[str, float]]:
    """Print a line for each mode, and yield its name and nDCG@10."""
    ways = {mode: QueryOptions(mode=mode) for mode in MODES}
    ways["hybrid, rrf"] = QueryOptions(mode="hybrid", fusion="rrf")
    if rerank:
        ways["auto, late"] = QueryOptions(rerank="late")
    index = IndexOptions(recipe=RecipeOptions(model=model))
    for name, asked in ways.items():
        wanted = EvalOptions(
            beir=folder, measures="nDCG@10 R@100", query=asked, index=index, latency=0
        )
        body = run_evaluation(wanted, Path.cwd).body
        seconds = body["settings"]["seconds"]
        spent = sum(seconds.get(s, 0.0) for s in ("search", "lexical", "fuse", "rerank"))
        m = body["measures"]
        print(
            f"{folder.name:20} {model or 'default':14} {name:12} {m['nDCG@10']:8.4f} {m['R@100']:8.4f} "
            f"{1000 * spent / body['queries']:11.2f}",
            flush=True,
        )
        yield name, m["nDCG@10"]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.modes")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rerank", action="store_true", help="the default mode with late, too")
    parser.add_argument("--models", default="", help="specs with commas; the index's default model")
    parser.add_argument("--sample", type=int, metavar="N", help="N documents of each collection")
    parser.add_argument("--queries", type=int, default=300, help="with --sample: so many queries")
    options = parser.parse_args()
    folders = collections(options.folders)
    if not folders:
        parser.error("no corpus.jsonl there")
    rows = []
    print(
        f"{'collection':20} {'model':14} {'mode':12} {'nDCG@10':>8} {'R@100':>8} {'ms a query':>11}"
    )
    with tempfile.TemporaryDirectory() as parts:
        for folder in folders:
            if options.sample:
                folder = sample(folder, Path(parts), options.sample, options.queries)
            for model in options.models.split(","):
                found = dict(measure(folder, model or None, options.rerank))
                best = max(found[mode] for mode in MODES if mode != "auto")
                rows.append((folder.name, model or "default", found, found["auto"] - best))
    print("\n| collection | model | dense | lexical | hybrid | auto | auto against the best |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, model, found, difference in rows:
        values = " | ".join(f"{found[m]:.3f}" for m in ("dense", "lexical", "hybrid", "auto"))
        print(f"| {name} | {model} | {values} | {difference:+.3f} |")


if __name__ == "__main__":
    main()
