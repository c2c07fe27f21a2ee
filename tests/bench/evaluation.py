"""What evaluating costs beside the work that cannot be saved: encoding the queries and searching.

    python -m tests.bench.evaluation [BEIR_FOLDER]

Both sides open the index and have the model's weights in memory already. Ours is all of `qembed eval`
(latency of single queries, run, checks, default measures, intervals, JSON report); theirs encodes and
searches the same queries, in one call each, and does nothing with the answers. Without a folder: 500
queries over 5,000 short documents of random words.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path

import pytest

from qembed.pipeline.retrieval.loaded_model import ModelSource
from tests.bench.table import fact, in_turn, row

QUERIES, DOCUMENTS = 500, 5_000
ROUNDS = 5


def made_up(folder: Path) -> Path:
    """A BEIR folder of random words."""
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randrange(3, 9)))
             for _ in range(5000)]  # fmt: skip
    (folder / "qrels").mkdir(parents=True)
    with (folder / "corpus.jsonl").open("w") as f:
        for i in range(DOCUMENTS):
            f.write(json.dumps({"_id": f"d{i}", "text": " ".join(rng.choices(words, k=12))}) + "\n")
    with (folder / "queries.jsonl").open("w") as f, (folder / "qrels/test.tsv").open("w") as g:
        g.write("query-id\tcorpus-id\tscore\n")
        for i in range(QUERIES):
            f.write(json.dumps({"_id": f"q{i}", "text": " ".join(rng.choices(words, k=12))}) + "\n")
            g.write(f"q{i}\td{rng.randrange(DOCUMENTS)}\t1\n")
    return folder


def measure(beir: Path, reports: Path) -> None:
    """Prints the ratio."""
    from qembed.evaluation import read_beir
    from qembed.pipeline.experiments.eval_options import EvalOptions
    from qembed.pipeline.experiments.evaluate import run_evaluation
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.recipe import RecipeOptions
    from qembed.pipeline.retrieval.options import QueryOptions
    from qembed.pipeline.retrieval.retriever import Retriever
    from qembed.pipeline.retrieval.session import Session

    options = IndexOptions(recipe=RecipeOptions(model="minilm", chunker="none"))
    wanted = EvalOptions(beir=beir, index=options, reports=(reports / "r.json",))
    first = run_evaluation(wanted, lambda: Path())  # indexes it and loads what there is to load
    assert first.indexed is not None
    root = first.indexed.index
    read = read_beir(beir)
    split = EvalOptions(
        queries=beir / "queries.jsonl", qrels=beir / "qrels/test.tsv", reports=wanted.reports
    )
    texts = [q.text for q in read.queries]
    with Session(root) as session:
        encoder = session.loaded.encoder
        encoder.encode(texts[:8])

        def bare() -> None:
            with Shared(encoder), Session(root) as cold:
                Retriever(cold, QueryOptions(k=100)).rank(read.queries)

        def ours() -> None:
            with Shared(encoder):
                run_evaluation(split, lambda: root)

        ours()
        a, b, ratio = in_turn(ours, bare, ROUNDS)
    row(f"qembed eval, {len(texts)} queries", a, b, ratio, "encode + search alone")
    fact("goal", "ratio at most 1.15")


class Shared:
    """Gives every session a model that is loaded already: loading is no part of the comparison."""

    def __init__(self, encoder: object) -> None:
        self._patch = pytest.MonkeyPatch()
        self._encoder = encoder

    def __enter__(self) -> None:
        self._patch.setattr(ModelSource, "encoder", lambda _source, _model: self._encoder)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def main() -> None:
    """`make bench` calls this."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        measure(given or made_up(Path(folder) / "beir"), Path(folder))


if __name__ == "__main__":
    main()
