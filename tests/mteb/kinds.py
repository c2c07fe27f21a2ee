"""A small task of each kind that mteb has for texts, made of a few words."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import mteb
import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks import (
    AbsTaskBitextMining,
    AbsTaskClassification,
    AbsTaskClustering,
    AbsTaskPairClassification,
    AbsTaskRetrieval,
    AbsTaskSTS,
    AbsTaskSummarization,
)
from mteb.abstasks.aggregate_task_metadata import AggregateTaskMetadata
from mteb.abstasks.aggregated_task import AbsTaskAggregate
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.abstasks.task_metadata import TaskMetadata

TOPICS = ["fox dog jumps lazy", "mars planet red called", "tokens states vector model"]
_random = random.Random(5)


def text(topic: int) -> str:
    own = TOPICS[topic].split()
    other = TOPICS[_random.randrange(3)].split()
    return " ".join([*_random.choices(own, k=5), *_random.choices(other, k=3)])


def metadata(name: str, kind: Any, score: str, **more: Any) -> TaskMetadata:
    return TaskMetadata(
        name=f"Small{name}",
        description="small",
        type=kind,
        dataset={"path": "none", "revision": "1"},
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score=score,
        modalities=["text"],
        category="t2t",
        **more,
    )


def scores(model: Any, task: Any) -> dict[str, float]:
    """All numbers that mteb gives a model for a task."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mteb warns of its own calls
        result = mteb.evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False)
    (row,) = result.task_results[0].scores["test"]
    return {k: v for k, v in row.items() if isinstance(v, float) and not np.isnan(v)}


def _task(base: type, of: TaskMetadata, dataset: Any, **attributes: Any) -> Any:
    def load_data(self: Any, num_proc: int | None = None, **_: Any) -> None:
        self.dataset = dataset() if callable(dataset) else dataset
        self.data_loaded = True

    return type(of.name, (base,), {"metadata": of, "load_data": load_data, **attributes})()


def _split(**columns: list[Any]) -> DatasetDict:
    return DatasetDict({"test": Dataset.from_dict(columns)})


def collection(ranked: bool = False) -> Callable[[], Any]:
    """30 documents with titles, 9 queries; with `ranked`, 8 candidates for each query."""
    topics = [i % 3 for i in range(30)]
    corpus = [{"id": f"d{i}", "title": f"No {i}" if i % 2 else "", "text": text(t)}
              for i, t in enumerate(topics)]  # fmt: skip
    queries = [{"id": f"q{i}", "text": text(i % 3)} for i in range(9)]
    judged = {f"q{i}": {f"d{j}": 1 for j in range(i % 3, 30, 3) if j % 2} for i in range(9)}
    named = {f"q{i}": [f"d{(i + 5 * k) % 30}" for k in range(8)] for i in range(9)}

    def make() -> Any:
        found = RetrievalSplitData(
            corpus=Dataset.from_list(corpus),
            queries=Dataset.from_list(queries),
            relevant_docs=judged,
            top_ranked=named if ranked else None,
        )
        return {"default": {"test": found}}

    return make


def bitext() -> Any:
    one = [text(i % 3) for i in range(12)]
    other = [" ".join(reversed(t.split()[1:])) for t in one]
    data = _split(sentence1=one, sentence2=other)
    return _task(AbsTaskBitextMining, metadata("Bitext", "BitextMining", "f1"), data)


def classification() -> Any:
    data = DatasetDict(
        {
            part: Dataset.from_dict(
                {"text": [text(i % 3) for i in range(30)], "label": [i % 3 for i in range(30)]}
            )
            for part in ("train", "test")
        }
    )
    of = metadata("Classification", "Classification", "accuracy")
    return _task(AbsTaskClassification, of, data, n_experiments=3, samples_per_label=4)


def clustering() -> Any:
    data = _split(sentences=[text(i % 3) for i in range(40)], labels=[i % 3 for i in range(40)])
    of = metadata("Clustering", "Clustering", "v_measure")
    return _task(
        AbsTaskClustering, of, data, max_document_to_embed=40, max_fraction_of_documents_to_embed=None,
        n_clusters=3, max_documents_per_cluster=20,
    )  # fmt: skip


def pair_classification() -> Any:
    labels = [i % 2 for i in range(20)]
    one = [text(i % 3) for i in range(20)]
    other = [text((i + 1 - label) % 3) for i, label in enumerate(labels)]
    data = _split(sentence1=one, sentence2=other, labels=labels)
    return _task(AbsTaskPairClassification, metadata("Pairs", "PairClassification", "max_ap"), data)


def reranking() -> Any:
    of = metadata("Reranking", "Reranking", "map_at_1000")
    return _task(AbsTaskRetrieval, of, collection(ranked=True))


def retrieval() -> Any:
    of = metadata("Retrieval", "Retrieval", "ndcg_at_10", prompt={"query": "Find the planet"})
    return _task(AbsTaskRetrieval, of, collection())


def sts() -> Any:
    pairs = [(i % 3, (i * 2) % 3) for i in range(20)]
    data = _split(
        sentence1=[text(a) for a, _ in pairs],
        sentence2=[text(b) for _, b in pairs],
        score=[5.0 * (a == b) + i / 20 for i, (a, b) in enumerate(pairs)],
    )
    of = metadata("STS", "STS", "cosine_spearman", prompt="Which are alike?")
    return _task(AbsTaskSTS, of, data)


def summarization() -> Any:
    data = _split(
        text=[text(i % 3) for i in range(6)],
        human_summaries=[[text(i % 3) for _ in range(2)] for i in range(6)],
        machine_summaries=[[text((i + k) % 3) for k in range(4)] for i in range(6)],
        relevance=[[4 - k + _random.random() for k in range(4)] for _ in range(6)],
    )
    of = metadata("Summaries", "Summarization", "cosine_spearman")
    return _task(AbsTaskSummarization, of, data, min_score=0, max_score=5)


MADE = (
    bitext,
    classification,
    clustering,
    pair_classification,
    reranking,
    retrieval,
    sts,
    summarization,
)


def _same(make: Callable[[], Any]) -> Callable[[], Any]:
    """The same task at every call."""

    def made() -> Any:
        _random.seed(make.__name__)
        return make()

    return made


KINDS = {made.__name__: _same(made) for made in MADE}


def aggregate(parts: dict[str, Callable[[], Any]]) -> Any:
    """A task whose score is the mean of others', as CQADupstack is of twelve. `parts`: corpora by name."""
    tasks = [
        _task(AbsTaskRetrieval, metadata(name, "Retrieval", "ndcg_at_10"), data)
        for name, data in parts.items()
    ]
    of = AggregateTaskMetadata(
        name="SmallBoth",
        description="both",
        type="Retrieval",
        main_score="ndcg_at_10",
        eval_splits=["test"],
        tasks=tasks,
    )
    return type("SmallBoth", (AbsTaskAggregate,), {"metadata": of})()
