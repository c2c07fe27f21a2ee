"""An answer of two settings against a plain one: texts are encoded once, both settings search.

CPU of a query in one process, in turns, each query asked once by both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.interleaving.experiment import answer_interleaved, parse_experiment
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query
from tests.bench.table import fact

QUERIES = 60
CORPUS = Path("sample_corpora/helpdesk/docs/en")
EXPERIMENT = "A=,B=mode=dense diversity=.3"


def cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        root = Path(work) / ".qembed"
        build(root, IndexOptions(paths=(str(CORPUS),), recipe=RecipeOptions(model="minilm")))
        experiment, options = parse_experiment(EXPERIMENT), QueryOptions(given=())
        pairs = []
        with Session(root) as session:
            for n in range(QUERIES + 1):
                queries = [Query("1", f"where is my parcel number {n}")]
                request = QueryRequest(queries, options, log=True)
                plain = cpu(lambda q=queries: Retriever(session, options).answer(q))
                mixed = cpu(lambda r=request: answer_interleaved(session, r, experiment))
                pairs.append((plain, mixed))
        pairs = pairs[1:]  # the first one loads
        fact("a plain query, CPU", f"{statistics.median(p for p, _ in pairs) * 1000:.2f} ms")
        fact("a mixed one over it", f"{statistics.median(m / p for p, m in pairs):.3f}")


if __name__ == "__main__":
    main()
