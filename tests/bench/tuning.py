"""What `qembed tune` costs beside what cannot be saved: encoding each distinct text, and one search of it.

    python -m tests.bench.tuning [QUERIES]

200 queries over 10,000 passages of 216 words, the mean length of SciFact's abstracts; all arms but rerankers.
The index is made with a static encoder; both sides then encode the queries with minilm, which is loaded, and
open the index. Ours is all of `tune` with an empty cache folder; theirs encodes the same texts and searches
each once with the default options, and does nothing with the answers. Once for a model without instructions,
once for one with.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.types import Query
from tests.bench.encoder import WORD, Static, real_texts
from tests.bench.evaluation import Shared
from tests.bench.table import fact, in_turn, row

if TYPE_CHECKING:
    from qembed.protocols import Encoder

PASSAGES, QUERIES = 10_000, 200
WINDOWS = 9
"""Stretches of 24 words in a passage."""
ROUNDS = 5


class Instructed(Static):
    """The same, with a place for a task."""

    name = "static-minilm-instructed"
    query = "Instruct: {task}\nQuery: {query}"


def instructed() -> Instructed:
    """The encoder, for `py:tests.bench.tuning:instructed`."""
    return Instructed()


def made_up(folder: Path, n: int) -> list[Query]:
    """Passages, questions of a dozen of a passage's words, judgments; returns the questions."""
    draw = random.Random(3)
    windows = real_texts(WINDOWS * PASSAGES)
    texts = [" ".join(windows[i::PASSAGES][:WINDOWS]) for i in range(PASSAGES)]
    chosen = draw.sample(range(PASSAGES), n)
    queries = [Query(f"q{i}", " ".join(draw.sample(WORD.findall(texts[i]), 12))) for i in chosen]
    with (folder / "c.jsonl").open("w") as f:
        f.writelines(json.dumps({"_id": f"d{i}", "text": t}) + "\n" for i, t in enumerate(texts))
    with (folder / "q.jsonl").open("w") as f:
        f.writelines(json.dumps({"_id": q.id, "text": q.text}) + "\n" for q in queries)
    rows = "".join(f"{q.id}\td{q.id[1:]}\t1\n" for q in queries)
    (folder / "r.tsv").write_text(rows)
    return queries


def measure(folder: Path, name: str, spec: str, queries: Sequence[Query], encoder: Encoder) -> None:
    """Print the ratio for an index with one model."""
    from qembed.pipeline.experiments.tuning.tune import TuneOptions, tune
    from qembed.pipeline.indexing.build import build
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.recipe import RecipeOptions
    from qembed.pipeline.retrieval.retriever import Retriever
    from qembed.pipeline.retrieval.session import Session

    root = folder / name
    recipe = RecipeOptions(model=spec, chunker="none")
    build(root, IndexOptions(paths=(str(folder / "c.jsonl"),), recipe=recipe))
    encoder.encode([q.text for q in queries[:8]])
    asked = TuneOptions(folder / "q.jsonl", folder / "r.tsv", apply="never")

    def ours() -> None:
        shutil.rmtree(folder / "cache" / "tune", ignore_errors=True)
        with Shared(encoder):
            tune(root, asked)

    with Shared(encoder):
        found = tune(root, asked)
    ways = dict.fromkeys((o.instruction, o.task, o.template) for o in found.measured)
    options = [
        replace(found.base, k=100, instruction=i, task=task, template=template)
        for i, task, template in ways
    ]

    def bare() -> None:
        with Shared(encoder), Session(root) as session:
            for each in options:
                Retriever(session, each).rank(queries)

    a, b, ratio = in_turn(ours, bare, ROUNDS)
    row(f"tune, {name}", a, b, ratio, "encode + search each text once")
    fact("settings tried", f"{len(found.measured)}, {len(options)} of them with other texts")
    fact("goal", "ratio at most 1.5")


def main() -> None:
    """`make bench` calls this."""
    from qembed.models import open_model

    n = int(sys.argv[1]) if len(sys.argv) > 1 else QUERIES
    encoder = open_model("minilm", device="cpu").encoder()  # kept in the user's own cache folder
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        queries = made_up(folder, n)
        os.environ["QEMBED_CACHE"] = str(folder / "cache")
        for name, spec in (
            ("without instructions", "py:tests.bench.encoder:static"),
            ("with instructions", "py:tests.bench.tuning:instructed"),
        ):
            measure(folder, name, spec, queries, encoder)


if __name__ == "__main__":
    main()
