"""Quality of the built-in models on the collections of collection_files.py.

    python -m tests.bench.published [FOLDER] [--sets NAME …] [--models NAME …] [--queries N]
    make published DATA=FOLDER SETS="scifact samples" MODELS=minilm QUERIES=100

FOLDER holds the collections; those that are not there are left out. Whole documents as "title text", exact
search; the samples' files are cut into passages. Two Markdown tables: nDCG@10 by mode, with half of its
95 % interval; and what a reranker of the best 20 changes for some queries of each set, with the interval of
the difference. Passages are encoded once and kept in the cache folder, pairs are scored once. CPU time is
that of one core: two that wait for each other on a busy machine count half as much again.
Exits with 1 where a figure differs from the embeddings-benchmark's by more than .002, of the model with 4-bit
weights by more than .01.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.collection_files import COLLECTIONS, SAMPLES, Collection, located

if TYPE_CHECKING:
    from qembed.pipeline.experiments.run_builder import RunBuilder
    from qembed.pipeline.retrieval.options import QueryOptions
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Qrels, Query

MODELS = ("minilm", "bge-small", "multilingual")
PUBLISHED = {
    ("scifact", "minilm"): 0.6451,
    ("nfcorpus", "minilm"): 0.3159,
    ("arguana", "minilm"): 0.5017,
    ("fiqa", "minilm"): 0.3687,
    ("xquad-en", "minilm"): 0.9436,
    ("xquad-zh", "minilm"): 0.2423,
    ("scifact", "bge-small"): 0.7127,
    ("xquad-en", "bge-small"): 0.9531,
    ("xquad-zh", "bge-small"): 0.4461,
    ("scifact", "multilingual"): 0.6759,
    ("xquad-en", "multilingual"): 0.9747,
}
"""nDCG@10 by the embeddings-benchmark's results, without or with the model's instruction as it has one."""
TOLERANCE, TOLERANCE_4_BIT = 0.002, 0.01
RERANKED_QUERIES = 100
CANDIDATES = 20
TIMED_PASSAGES = 32
MEASURE = "nDCG@10"
MODES = ("dense", "without prompt", "lexical", "hybrid", "auto")


@dataclass(frozen=True)
class Row:
    """Results of one model on one set: values by query of each way, and CPU seconds for 1,000 passages."""

    queries: int
    modes: dict[str, list[float]]
    reranked: dict[str, tuple[list[float], list[float]]]
    seconds: float


def index_of(folder: Path, collection: Collection, model: str) -> Path:
    """Index of a collection in the cache folder, brought up to date."""
    from qembed.paths import cache_folder
    from qembed.pipeline.experiments.inputs import index_beir
    from qembed.pipeline.indexing.build import build
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.progress import Progress
    from qembed.pipeline.recipe import RecipeOptions

    if collection.is_records:
        options = IndexOptions(recipe=RecipeOptions(model=model, chunker="none"))
        return index_beir(folder / collection.corpus, options, Progress())[0]
    # files, cut into passages as a user's are
    root = cache_folder() / "published" / f"{collection.sample}-{model}"
    paths = (str(folder / collection.corpus),)
    build(root, IndexOptions(paths=paths, recipe=RecipeOptions(model=model)), Progress())
    return root


def measure(folder: Path, collection: Collection, model: str, reranked: int) -> Row:
    """Index a collection, or take the index from the cache, and rank its queries in all ways."""
    from qembed.pipeline.experiments.run_builder import RunBuilder
    from qembed.pipeline.retrieval.options import QueryOptions
    from qembed.pipeline.retrieval.session import Session

    queries, qrels = collection.judged_queries(folder)
    with Session(index_of(folder, collection, model)) as session:
        builder = RunBuilder(session, queries, qrels)
        ways = _ways(QueryOptions(search="exact", k=10), session)
        modes = {name: values(builder, asked, qrels, queries) for name, asked in ways.items()}
        few = random.Random(0).sample(queries, min(reranked, len(queries)))
        specs = collection.rerankers if few else ()
        changed = {spec: rerank(session, few, qrels, spec) for spec in specs}
        return Row(len(queries), modes, changed, seconds_a_thousand(session))


def _ways(exact: QueryOptions, session: Session) -> dict[str, QueryOptions]:
    from dataclasses import replace

    ways = {mode: replace(exact, mode=mode) for mode in MODES if mode != "without prompt"}
    if session.loaded.model.profile.query != "{query}":
        ways["without prompt"] = replace(exact, mode="dense", instruction=False)
    return ways


def values(
    builder: RunBuilder, asked: QueryOptions, qrels: Qrels, queries: Sequence[Query]
) -> list[float]:
    """nDCG@10 of each query."""
    from qembed.evaluation import evaluate, parse_measures

    wanted = {q.id: qrels[q.id] for q in queries}
    report = evaluate(parse_measures(MEASURE), wanted, builder.rank(asked).run)
    return [report.per_query[q.id][MEASURE] for q in queries]


def rerank(
    session: Session, queries: Sequence[Query], qrels: Qrels, spec: str
) -> tuple[list[float], list[float]]:
    """nDCG@10 of each query before and after reranking the default's best candidates."""
    from qembed.pipeline.experiments.caching import CachingReranker
    from qembed.pipeline.experiments.run_builder import RunBuilder
    from qembed.pipeline.retrieval.options import QueryOptions
    from tests.bench.kept_scores import KeptScores

    builder = RunBuilder(session, queries, qrels)
    before = QueryOptions(search="exact", k=10)
    after = QueryOptions(search="exact", k=10, rerank=spec, candidates=CANDIDATES)
    found = values(builder, before, qrels, queries)
    if spec == "late":
        return found, values(builder, after, qrels, queries)
    with KeptScores(session.loaded.reranker(spec), spec) as kept:
        builder.rerankers[spec] = CachingReranker(kept)
        return found, values(builder, after, qrels, queries)


def seconds_a_thousand(session: Session) -> float:
    """CPU seconds of one core to encode a thousand of an index's passages, by some of them."""
    import numpy as np

    from qembed.models import open_model

    live = session.snapshot.live
    rows = np.arange(session.snapshot.manifest.base, session.snapshot.manifest.next_row)
    rows = rows if live is None else rows[live]
    step = max(1, len(rows) // TIMED_PASSAGES)
    texts = [p.text for p in session.documents.passages(rows[::step][:TIMED_PASSAGES])]
    with one_core():
        encoder = open_model(session.snapshot.manifest.spec).encoder()
        encoder.encode(texts[:1])
        began = time.process_time()
        encoder.encode(texts)
    return 1000 * (time.process_time() - began) / len(texts)


@contextmanager
def one_core() -> Iterator[None]:
    """Keep to one core, where the system lets a program choose: models opened here have one thread."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────


def mode_line(name: str, model: str, row: Row) -> str:
    """Line of the table of modes: the published mean, means with half of their intervals."""
    from qembed.evaluation.significance import bootstrap_interval

    cells = []
    for mode in MODES:
        found = row.modes.get(mode)
        if found is None:
            cells.append("")
            continue
        low, high = bootstrap_interval(found)
        cells.append(f"{_short(sum(found) / len(found))} ± {_short((high - low) / 2)}")
    known = PUBLISHED.get((name, model))
    cells.insert(0, "" if known is None else f"{known:.4f}".removeprefix("0"))
    return f"| {name} | {row.queries} | `{model}` | {' | '.join(cells)} | {row.seconds:.0f} s |"


def rerank_lines(name: str, model: str, row: Row) -> Iterable[str]:
    """Lines of the table of rerankers: before, after and the interval of the difference."""
    from qembed.evaluation.significance import compare

    for spec, (before, after) in row.reranked.items():
        d = compare(MEASURE, before, after)
        yield (
            f"| {name} | {len(before)} | `{model}` | `{spec}` | {_short(d.before)} | {_short(d.after)} | "
            f"{d.difference:+.3f} ({d.low:+.3f} to {d.high:+.3f}) |"
        )


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.2f}"


def main() -> int:
    """Print the tables; 1 if a published figure is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path())
    parser.add_argument("--sets", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--models", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--queries", type=int, default=RERANKED_QUERIES, metavar="N")
    given = parser.parse_args()
    named = [n for s in given.sets for n in (SAMPLES if s == "samples" else [s])]
    if unknown := set(named) - COLLECTIONS.keys():
        parser.error(
            f"no such set: {', '.join(sorted(unknown))} (there are {', '.join(COLLECTIONS)}, samples)"
        )
    print(f"| set | queries | model | published | {' | '.join(MODES)} | CPU for 1,000 passages |")
    print("| --- | ---: | --- " + "| ---: " * (len(MODES) + 2) + "|")
    lines, missed = [], []
    for name in named or COLLECTIONS:
        collection = COLLECTIONS[name]
        with located(collection, given.folder) as folder:
            if folder is None:
                print(f"{name} is not in {given.folder}", file=sys.stderr)
                continue
            for model in given.models or MODELS:
                row = measure(folder, collection, model, given.queries)
                print(mode_line(name, model, row), flush=True)
                lines += rerank_lines(name, model, row)
                dense, wanted = row.modes["dense"], PUBLISHED.get((name, model))
                got = sum(dense) / len(dense)
                allowed = TOLERANCE_4_BIT if model == "multilingual" else TOLERANCE
                if wanted is not None and abs(got - wanted) > allowed:
                    missed.append(f"{name}, {model}: {got:.4f}, published {wanted:.4f}")
    if lines:
        print("\n| set | queries | model | reranker | auto | reranked | difference |")
        print("| --- | ---: | --- | --- | ---: | ---: | ---: |")
        print("\n".join(lines))
    print("\n".join(missed), file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
