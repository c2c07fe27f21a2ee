"""What each way of training gains on collections, for new and for seen documents.

    python -m tests.bench.recipes FOLDER [--sets NAME …] [--recipes NAME …] [--model SPEC] [--work DIR]

Each recipe is a `qembed train` command on the collection's training queries, followed by `train merge`
half-way back. Both models and the first one rank the same passages for the test queries: all relevant ones,
and others at random up to PASSAGES in all. A test query is seen if it is connected with a training query by
relevant documents or words, else it is new. Trained models and figures are kept in DIR, and taken from there
by the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.evaluation import read_qrels, read_queries
from qembed.evaluation.tuning import connected_components
from qembed.models import open_model
from qembed.pipeline.experiments.inputs import index_beir
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.training.judging import Pool, Side, compare_sides, make_pool, measure
from qembed.types import Qrels, Query

PASSAGES = 2_000
TRAINED = 1_200
"""Training queries, at most."""


@dataclass(frozen=True)
class Collection:
    """Files of a collection, relative to the folder of all."""

    corpus: str
    queries: str
    train: str
    test_queries: str
    test: str


SETS = {
    "faq": Collection(
        "faq-construction/corpus-en.jsonl",
        "faq-construction/queries.jsonl",
        "faq-construction/qrels/train-en.tsv",
        "faq-construction/queries.jsonl",
        "faq-construction/qrels/test-en.tsv",
    ),
    "nl2bash": Collection(
        "nl2bash/corpus.jsonl",
        "nl2bash/queries.jsonl",
        "nl2bash/qrels/train.tsv",
        "nl2bash/queries.jsonl",
        "nl2bash/qrels/test.tsv",
    ),
    "cosqa": Collection(
        "cosqa/corpus.jsonl",
        "cosqa-dev/queries.jsonl",
        "cosqa-dev/qrels/dev.tsv",
        "cosqa/queries.jsonl",
        "cosqa/qrels/test.tsv",
    ),
    "scifact": Collection(
        "scifact/corpus.jsonl",
        "scifact-train/queries.jsonl",
        "scifact-train/qrels/train.tsv",
        "scifact/queries.jsonl",
        "scifact/qrels/test.tsv",
    ),
}
JUDGED = ("--queries", "queries.jsonl", "--qrels", "train.tsv")
RECIPES = {
    "mnr": ("encoder", *JUDGED),
    "mnr-1": ("encoder", *JUDGED, "--epochs", "1"),
    "distill": ("encoder", *JUDGED, "--loss", "distill", "--teacher", "minilm-l12"),
    "tsdae": ("adapt", "--objective", "tsdae", *JUDGED),
    "made": ("adapt", "--generate", "corpus", *JUDGED),
    "gpl": ("adapt", "--generate", "corpus", "--teacher", "minilm-l12", *JUDGED),
}


def prepare(folder: Path, files: Collection, model: str, work: Path) -> tuple[Path, Qrels]:
    """Index, and files of the training queries in `work`; returns the index and their judgments."""
    options = IndexOptions(recipe=RecipeOptions(model=model, chunker="none"))
    root, _ = index_beir(folder / files.corpus, options, Progress())
    qrels = read_qrels(folder / files.train)
    queries = [q for q in read_queries(folder / files.queries) if qrels.get(q.id)][:TRAINED]
    qrels = {q.id: qrels[q.id] for q in queries}
    (work / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": q.id, "text": q.text}) + "\n" for q in queries), "utf-8"
    )
    lines = [f"{q}\t{d}\t{g}" for q, found in qrels.items() for d, g in found.items()]
    (work / "train.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "\n".join(lines) + "\n", "utf-8"
    )
    return root, qrels


def divide(
    trained: list[Query], before: Qrels, asked: list[Query], judged: Qrels
) -> tuple[list[Query], list[list[int]], list[Query]]:
    """New test queries, their components as positions among them, and seen ones."""
    both = [*trained, *asked]
    relevant = [
        [d for d, grade in (before if i < len(trained) else judged)[q.id].items() if grade > 0]
        for i, q in enumerate(both)
    ]
    components = connected_components([q.text for q in both], relevant)
    apart = [c for c in components if c[0] >= len(trained)]
    order = [i for c in apart for i in c]
    at = {i: n for n, i in enumerate(order)}
    seen = [q for i, q in enumerate(both) if i >= len(trained) and i not in at]
    return [both[i] for i in order], [[at[i] for i in c] for c in apart], seen


def run(work: Path, name: str, *args: str) -> dict[str, Any]:
    """JSON of a training, from an earlier run if there is one."""
    kept = work / f"{name}.json"
    if not kept.exists():
        command = [
            sys.executable,
            "-m",
            "qembed",
            "train",
            *args,
            "--out",
            name,
            "--format",
            "json",
        ]
        done = subprocess.run(
            [*command, "--anyway"], cwd=work, stdout=subprocess.PIPE, text=True, check=True
        )
        kept.write_text(done.stdout, "utf-8")
    found: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return found


def merged(work: Path, model: str, name: str) -> Path:
    """Model half-way between the first one and the trained one."""
    out = work / f"{name}-half"
    if not out.exists():
        command = [sys.executable, "-m", "qembed", "train", "merge", model, f"./{name}"]
        subprocess.run(
            [*command, "--weight", ".5", "--out", out.name],
            cwd=work, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return out


class Judge:
    """Measures models on the test queries; figures are kept."""

    def __init__(self, pool: Pool, queries: list[Query], qrels: Qrels, work: Path) -> None:
        self._pool, self._queries, self._qrels, self._work = pool, queries, qrels, work

    def values(self, spec: str, name: str) -> Side:
        """nDCG@10 of each query by a model. `name`: of the file that keeps it."""
        import numpy as np

        kept = self._work / f"{name}.values.json"
        nothing = np.zeros((0, 0), dtype=np.float32)
        if kept.exists():
            return Side(json.loads(kept.read_text("utf-8")), nothing)
        model = open_model(spec)
        encoder = model.encoder()
        side = measure(encoder.encode, self._pool, self._queries, self._qrels, model.profile)
        kept.write_text(json.dumps(side.values), "utf-8")
        return Side(side.values, nothing)


def line(
    name: str, recipe: str, found: dict[str, Any] | None, seen: dict[str, Any] | None, kept: str
) -> str:
    """Line of the table."""
    cells = []
    for part in (found, seen):
        if part is None:
            cells.append("")
            continue
        cells.append(
            f"{part['before']:.3f} → {part['after']:.3f}, {part['gain']:+.3f} ({part['low']:+.3f} to "
            f"{part['high']:+.3f}), p {part['p']:.2g}, {part['queries']}"
        )
    return f"| {name} | {recipe} | {' | '.join(cells)} | {kept} |"


def judge_recipes(folder: Path, name: str, recipes: list[str], model: str, top: Path) -> None:
    """Print the lines of one collection."""
    work = top / name
    work.mkdir(parents=True, exist_ok=True)
    files = SETS[name]
    root, before = prepare(folder, files, model, work)
    trained = list(read_queries(work / "queries.jsonl"))
    qrels = read_qrels(folder / files.test)
    asked = [q for q in read_queries(folder / files.test_queries) if qrels.get(q.id)]
    new, components, seen = divide(trained, before, asked, qrels)
    with Session(root) as session:
        wanted = [d for q in asked for d in qrels[q.id]]
        pool = make_pool(session, wanted, open_model(model), limit=PASSAGES)
    judge = Judge(pool, asked, qrels, work)
    first = judge.values(model, "first")
    for recipe in recipes:
        body = run(work, recipe, *RECIPES[recipe], "--index", str(root), "--model", model)
        kept = body["verdict"]["kept"].get("neighbours")
        ways = {recipe: str(work / recipe), f"{recipe}, half-way": str(merged(work, model, recipe))}
        for way, spec in ways.items():
            now = judge.values(spec, Path(spec).name)
            told = [
                compare_sides(first, now, new, components), compare_sides(first, now, seen)
            ]  # fmt: skip
            share = f"{kept:.3f}" if kept is not None and way == recipe else ""
            print(line(name, way, *told, share), flush=True)
        print(f"  {recipe}: {body['seconds']}, {body['settings']['trained']}", file=sys.stderr)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS), metavar="NAME")
    parser.add_argument(
        "--recipes", nargs="*", choices=RECIPES, default=list(RECIPES), metavar="NAME"
    )
    parser.add_argument("--model", default="minilm", metavar="SPEC")
    parser.add_argument("--work", type=Path, default=Path("recipes"), metavar="DIR")
    given = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    print("| set | recipe | new documents | seen documents | neighbours kept |")
    print("| --- | --- | --- | --- | ---: |")
    for name in given.sets:
        judge_recipes(given.folder, name, given.recipes, given.model, given.work.resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
