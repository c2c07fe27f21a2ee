"""Search by amino-acid sequence on families that no training saw: `python -m tests.bench.sequences FOLDER`.

FOLDER holds corpus.jsonl and queries.jsonl, whose lines have `split` and `fold`, and qrels of train, dev and
test: relevant is what has the query's fold, and no fold is in two splits. Models are made of the sequences of
the train split alone, one of the other: untrained, masked prediction, views, labels (two relevant sequences
for each training query). Each is compared, alone and fused with k-mer BM25, with k-mer BM25. The weight of
the words in the fusion is chosen on dev; test is looked at once. Intervals and p by folds, not by queries.
Next-unit prediction in place of masked prediction, and views after it, are measured on dev only.

What is made is kept in --work, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# an export of each model would take as long as its use
os.environ.setdefault("QEMBED_RUNTIME", "torch")
# several threads wait for one another longer than they work on matrices so small
os.environ.setdefault("OMP_NUM_THREADS", "1")

from qembed.evaluation.tuning import judge
from qembed.pipeline.experiments.eval_options import EvalOptions
from qembed.pipeline.experiments.evaluate import run_evaluation
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.fusion import FusionParameters
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.training.encoder.run import EncoderJob, train_encoder
from qembed.training.mining.mine import MiningOptions
from qembed.training.sequence.augment import Augmentation
from qembed.training.sequence.new_model import ModelSize
from qembed.training.sequence.run import SequenceJob, begin_model, train_sequence
from qembed.training.sequence.stages import Stages
from qembed.training.training_loop import TrainingOptions

WEIGHTS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Weights of k-mers beside vectors among which dev chooses."""
LABELS = 2
"""Relevant sequences of each training query that are told."""
MEASURE = "nDCG@10"
"""Measure of all figures."""


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write_fasta(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(f">{r['_id']}\n{r['text']}\n" for r in records), "utf-8")


def few_labels(data: Path, work: Path) -> tuple[Path, Path]:
    """Training queries, and LABELS relevant sequences of each, those with the lowest numbers."""
    queries = work / "train-queries.jsonl"
    asked = [q for q in lines(data / "queries.jsonl") if q["split"] == "train"]
    queries.write_text("".join(json.dumps(q) + "\n" for q in asked), "utf-8")
    told: dict[str, list[str]] = defaultdict(list)
    for row in (data / "qrels/train.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, _ = row.split("\t")
        if len(told[query]) < LABELS:
            told[query].append(document)
    qrels = work / "train-qrels.tsv"
    rows = [f"{q}\t{d}\t1\n" for q, found in told.items() for d in found]
    qrels.write_text("query-id\tcorpus-id\tscore\n" + "".join(rows), "utf-8")
    return queries, qrels


def timed(name: str, out: Path, make: Callable[[], object]) -> None:
    """Make what `out` names if it is not there, and say how long that took."""
    if out.exists():
        return
    wall, cpu = time.perf_counter(), time.process_time()
    make()
    print(
        f"{name:24} {time.process_time() - cpu:7.0f} s of CPU {time.perf_counter() - wall:7.0f} s",
        flush=True,
    )


def make_models(data: Path, work: Path) -> Iterator[tuple[str, str]]:
    """Models of all stages, each as soon as it is made: (name of the arm, folder)."""
    corpus = lines(data / "corpus.jsonl")
    train = [r for r in corpus if r["split"] == "train"]
    queries, qrels = few_labels(data, work)
    write_fasta(work / "train.fasta", train)
    base = SequenceJob([work / "train.fasta"], work / "untrained", units="residue", anyway=True)
    stages = {"untrained": work / "untrained"}

    def untrained() -> None:
        from qembed.sequences.alphabet import ALPHABETS
        from qembed.training.model_folders import record_profile

        protein = ALPHABETS["protein"]
        model, profile, _, _ = begin_model(base, base.check(), protein, [r["text"] for r in train])
        model.save_pretrained(str(work / "untrained"), create_model_card=False)
        record_profile(profile, [], work / "untrained")

    timed("untrained", work / "untrained", untrained)
    yield "untrained", str(work / "untrained")
    for name, start, epochs in TRAINED:
        job = SequenceJob(
            base.corpus, work / name, model=str(stages[start]), size=ModelSize(),
            stages=Stages(**{"masked": 0, "views": 0, **epochs}), views=Augmentation(), anyway=True,
        )  # fmt: skip
        timed(name, job.out, lambda job=job: train_sequence(job))  # type: ignore[misc]
        stages[name] = job.out
        yield name, str(job.out)
    before = stages["views"]
    index, labelled = work / "train.index", work / "labels"

    def labels() -> None:
        recipe = RecipeOptions(model=str(before))
        build(index, IndexOptions(paths=(str(work / "train.fasta"),), recipe=recipe), Progress())
        options = TrainingOptions(epochs=2, batch=64, learning_rate=5e-4, freeze=-1)
        job = EncoderJob(
            index, labelled, queries, qrels, lists=mined(index, queries, qrels, work),
            anyway=True, options=options,
        )  # fmt: skip
        train_encoder(job)

    timed("labels", labelled, labels)
    yield "labels", str(labelled)


VIEWS = 3
"""Epochs of views."""
TRAINED: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("masked", "untrained", {"masked": 1}),
    ("next-unit", "untrained", {"next_unit": 1}),
    ("views", "masked", {"views": VIEWS}),
    ("next-unit-views", "next-unit", {"views": VIEWS}),
)
"""Models that are trained without labels: name, the one that each begins with, epochs of its stage."""
DEV_ONLY = ("next-unit", "next-unit-views")
"""Models that were not chosen: test is not looked at."""


def mined(index: Path, queries: Path, qrels: Path, work: Path) -> Path:
    """Training lists of one negative each."""
    from qembed.pipeline.experiments.inputs import read_inputs
    from qembed.pipeline.retrieval.session import Session
    from qembed.training.mining.lists import write_lists
    from qembed.training.mining.mine import mine_judged

    given = read_inputs(queries, qrels, None, "train", needs_words=True, warn=lambda _: None)
    with Session(index) as session:
        options = MiningOptions(per_query=1, window=(5, 100))
        found = mine_judged(session, given.queries, given.qrels, options, Progress())
    write_lists(found.lists, work / "lists.jsonl")
    return work / "lists.jsonl"


class Arm:
    """Index of the corpus by one model, and its values by query."""

    def __init__(self, data: Path, work: Path, model: str) -> None:
        self._data = data
        self._root = work / f"{Path(model).name}.index"
        options = IndexOptions(
            paths=(str(data / "corpus.jsonl"),), recipe=RecipeOptions(model=model)
        )
        timed(
            f"{Path(model).name}, index", self._root, lambda: build(self._root, options, Progress())
        )

    def values(self, split: str, mode: str, weight: float | None = None) -> dict[str, float]:
        """nDCG@10 of each query of a split."""
        parameters = None if weight is None else FusionParameters(even=weight)
        wanted = EvalOptions(
            queries=self._data / "queries.jsonl",
            qrels=self._data / f"qrels/{split}.tsv",
            measures=MEASURE,
            query=QueryOptions(mode=mode, fusion_parameters=parameters),  # type: ignore[arg-type]
            latency=0,
        )
        body = run_evaluation(wanted, lambda: self._root).body
        return {q: v[MEASURE] for q, v in body["per_query"].items()}


def mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/sequences"))
    parser.add_argument("--split", default="test")
    given = parser.parse_args()
    data, work = given.folder, given.work
    work.mkdir(parents=True, exist_ok=True)
    folds = {q["_id"]: q["fold"] for q in lines(data / "queries.jsonl")}
    words: dict[str, float] = {}
    print(
        "| model | dev: alone | fused, best | test: alone | fused, default | fused, as on dev |",
        end="",
    )
    print(f" gain | {'by folds':16} | p |")
    for name, model in make_models(data, work):
        arm = Arm(data, work, model)
        if not words:
            words = arm.values(given.split, "lexical")
            on_dev = mean(arm.values("dev", "lexical"))
            print(f"| k-mer BM25 | {on_dev:.3f} | | {mean(words):.3f} | | | | | |", flush=True)
        dev = {w: mean(arm.values("dev", "hybrid", w)) for w in WEIGHTS}
        best = max(WEIGHTS, key=lambda w: dev[w])
        alone = mean(arm.values("dev", "dense"))
        print(f"| {name} | {alone:.3f} | {dev[best]:.3f} (weight {best:g}) | ", end="", flush=True)
        if name in DEV_ONLY:
            print("| | | | | |", flush=True)
            continue
        alone, default = (mean(arm.values(given.split, m)) for m in ("dense", "auto"))
        fused = arm.values(given.split, "hybrid", best)
        gain = gain_by_folds(words, fused, folds)
        print(
            f"{alone:.3f} | {default:.3f} | {mean(fused):.3f} "
            f"| {gain[0]:+.3f} | {gain[1]:+.3f} to {gain[2]:+.3f} | {gain[3]:.3f} |",
            flush=True,
        )


def gain_by_folds(
    before: dict[str, float], after: dict[str, float], folds: dict[str, Any]
) -> tuple[float, float, float, float]:
    """Mean gain, its 95 % interval and p; queries of a fold stand or fall together."""
    import numpy as np

    names = sorted(before)
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        groups[folds[name]].append(i)
    differences = np.array([after[n] - before[n] for n in names])
    found = judge(MEASURE, differences, list(groups.values()))
    assert found is not None
    return found.mean, found.low, found.high, found.p


if __name__ == "__main__":
    main()
