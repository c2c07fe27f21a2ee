"""Small indexes with queries and judgments, and `tune` on them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from qembed.pipeline.experiments.tuning.tune import TuneOptions, Tuning, tune
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from tests.pipeline.conftest import BAG


def write(folder: Path, documents: dict[str, str], queries: dict[str, str], judged: dict[str, list[str]],
          model: str = BAG) -> Path:  # fmt: skip
    """An index of the documents, queries in q.jsonl, judgments in r.tsv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in (("c.jsonl", documents), ("q.jsonl", queries)):
        lines = [json.dumps({"_id": i, "text": t}) for i, t in records.items()]
        (folder / name).write_text("\n".join(lines) + "\n")
    rows = [f"{q}\t{d}\t1" for q, ds in judged.items() for d in ds]
    (folder / "r.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n")
    recipe = RecipeOptions(model=model)
    build(folder / ".qembed", IndexOptions(paths=[str(folder / "c.jsonl")], recipe=recipe))
    return folder


def run(folder: Path, **options: object) -> Tuning:
    asked = TuneOptions(folder / "q.jsonl", folder / "r.tsv", **options)  # type: ignore[arg-type]
    return tune(folder / ".qembed", asked)


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 queries, all answered."""
    documents = {f"d{i}": f"word{i} other{i} more" for i in range(30)}
    queries = {f"q{i}": f"word{i} more" for i in range(25)}
    judged = {f"q{i}": [f"d{i}"] for i in range(25)}
    return write(tmp_path_factory.mktemp("small"), documents, queries, judged)


@pytest.fixture
def small(small_corpus: Path, tmp_path: Path) -> Path:
    """A copy of `small_corpus`."""
    shutil.copytree(small_corpus, tmp_path, dirs_exist_ok=True)
    return tmp_path
