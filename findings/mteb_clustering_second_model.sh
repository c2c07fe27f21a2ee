#!/bin/sh
# mteb 2.26.24: a clustering task that has judged one model judges the next one on other samples.
#
# Comparing models is `tasks = mteb.get_tasks(...)`, then `mteb.evaluate(model, tasks)` for each model. A clustering
# task draws its documents, and the samples that are clustered, from a generator that is seeded when the task object is
# made and goes on from one evaluation to the next. The k-means are seeded anew each time, results are cached as if they
# were comparable, and nothing warns. So one model judged twice by the same task object has two scores, and the
# second of two models is compared on other documents than the first; a new task object for each model
# gives the same score every time. Retrieval, similarity and classification are not affected.
#
# Seen (v-measure of one deterministic model, 60 documents in 4 classes, mteb's cache off):
#   one task object, three evaluations:  0.8515 0.731 0.779
#   a new task object for each:          0.8515 0.8515 0.8515
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q mteb==2.26.24 sentence-transformers==6.2.0 transformers==5.24.0 scikit-learn==1.9.1
cd "$work"
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import hashlib
import sys

import mteb
import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskClustering
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.model_meta import ModelMeta


class Topics(AbsTaskClustering):
    metadata = TaskMetadata(
        name="Topics", description="four topics", type="Clustering", main_score="v_measure",
        dataset={"path": "none", "revision": "1"}, eval_splits=["test"], eval_langs=["eng-Latn"],
        modalities=["text"], category="t2t",
    )
    max_document_to_embed = 60  # all of them: the documents are the same, their order and samples are not
    max_fraction_of_documents_to_embed = None

    def load_data(self, num_proc=None, **_):
        texts = [f"t{i % 4} w{i % 7} n{i}" for i in range(60)]
        rows = Dataset.from_dict({"sentences": texts, "labels": [i % 4 for i in range(60)]})
        self.dataset = DatasetDict({"test": rows})
        self.data_loaded = True


def vector(word):
    return np.frombuffer(hashlib.sha512(word.encode()).digest(), dtype=np.uint8) / 128 - 1


class Words:
    """Sum of one fixed direction a word: the same text has the same vector, always."""

    mteb_model_meta = ModelMeta.create_empty({"name": "own/words", "revision": "1"})

    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **_):
        texts = [text for batch in inputs for text in batch["text"]]
        return np.array([sum(vector(w) for w in t.split()) for t in texts], dtype=np.float32)

    def similarity(self, a, b):
        return a @ b.T

    def similarity_pairwise(self, a, b):
        return (a * b).sum(axis=1)


def score(task):
    result = mteb.evaluate(Words(), task, cache=None, co2_tracker=False, show_progress_bar=False)
    return round(result.task_results[0].scores["test"][0]["v_measure"], 4)


task = Topics()
kept = [score(task) for _ in range(3)]
fresh = [score(Topics()) for _ in range(3)]
print("one task object, three evaluations: ", *kept)
print("a new task object for each:         ", *fresh)
sys.exit(0 if len(set(kept)) > 1 and len(set(fresh)) == 1 and kept[0] == fresh[0] else 1)
PY
