"""What 8-bit products change of `--rerank late`: `python -m tests.bench.eight_bit FOLDER`.

    … --sets NAME …       of collection_files.py; default: all that are in FOLDER
    … --models SPEC …     default: minilm bge-small multilingual

nDCG@10 over 100 candidates with float32 and in 8 bits, and p of a paired randomisation test: by the default
mode, after dense search, and by late interaction's order alone. A passage is encoded once in each form, and
all its token vectors are kept in memory: 3 GB for SciFact.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from qembed.evaluation.paired_test import randomisation_test
from qembed.models.rerankers.late_interaction import LateInteractionReranker, Side
from qembed.pipeline.experiments.caching import CachingReranker
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session
from tests.bench.collection_files import COLLECTIONS, located
from tests.bench.published import MODELS, index_of, values

if TYPE_CHECKING:
    from qembed.models.model import Model
    from qembed.protocols import TokenEncoder
    from qembed.types import Vectors

QUERIES = 500
EXACT = QueryOptions(search="exact", k=10, rerank="late", candidates=100)
WAYS = {
    "default": EXACT,
    "after dense": replace(EXACT, mode="dense"),
    "its order alone": replace(EXACT, mode="dense", rerank_share=1.0),
}


class Remembered:
    """Token encoder that encodes each text once."""

    def __init__(self, encoder: TokenEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vectors] = {}

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        new = [t for t in dict.fromkeys(texts) if t not in self._known]
        if new:
            found = self._encoder.encode_tokens(new)
            self._known.update((t, np.array(v)) for t, v in zip(new, found, strict=True))
        return [self._known[t] for t in texts]


def reranker(model: Model, approximate: bool) -> LateInteractionReranker:
    """Late interaction with passages' tokens in 8 bits, or in float32."""
    own = model.queries
    return LateInteractionReranker(
        Side(Remembered(model.token_encoder(approximate)), model.count, model.max_tokens),
        Side(own.token_encoder(), own.count, own.max_tokens),
    )


def row(top: Path, name: str, spec: str) -> str | None:
    """A row of the table; None where the collection is not there."""
    collection = COLLECTIONS[name]
    with located(collection, top) as folder:
        if folder is None:
            return None
        queries, qrels = collection.judged_queries(folder)
        queries = random.Random(0).sample(queries, min(QUERIES, len(queries)))
        with Session(index_of(folder, collection, spec)) as session:
            model = session.loaded.model
            if model.token_encoder(True) is model.token_encoder():
                return f"| `{name}` | `{spec}` | no 8-bit form here | | |"
            builder = RunBuilder(session, queries, qrels)
            forms = []
            for approximate in (False, True):
                builder.rerankers["late"] = CachingReranker(reranker(model, approximate))
                forms.append([values(builder, asked, qrels, queries) for asked in WAYS.values()])
    cells = [
        f"{fmean(a):.4f} {fmean(b):.4f} ({randomisation_test(np.subtract(b, a)):.2f})"
        for a, b in zip(*forms, strict=True)
    ]
    return f"| `{name}`, {len(queries)} | `{spec}` | {' | '.join(cells)} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=list(COLLECTIONS), choices=list(COLLECTIONS))
    parser.add_argument("--models", nargs="*", default=list(MODELS), metavar="SPEC")
    given = parser.parse_args()
    print(f"| set, queries | model | {' | '.join(WAYS)} |\n|{' --- |' * (2 + len(WAYS))}")
    for name in given.sets:
        for spec in given.models:
            if (found := row(given.folder, name, spec)) is not None:
                print(found, flush=True)


if __name__ == "__main__":
    main()
