"""Reader of BEIR folders: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv. Rules: see `formats`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qembed.errors import InputError
from qembed.evaluation.formats.qrels import read_qrels
from qembed.evaluation.formats.queries import read_queries
from qembed.evaluation.formats.source_file import Warn, ignore_warning, summarize_names
from qembed.types import Qrels, Query


@dataclass(frozen=True, slots=True)
class Beir:
    """A test collection: path of its documents, judged queries, judgments."""

    corpus: Path
    queries: list[Query]
    qrels: Qrels


def read_beir(folder: Path, split: str = "test", *, warn: Warn = ignore_warning) -> Beir:
    """Read a BEIR folder's judged queries and judgments; the corpus is only located.

    Queries without a judgment in this split belong to other splits and are dropped. Raises InputError with
    every missing file, every mistake in a file, and judged queries that queries.jsonl lacks.
    """
    corpus, queries_path = folder / "corpus.jsonl", folder / "queries.jsonl"
    qrels_path = folder / "qrels" / f"{split}.tsv"
    wanted = (corpus, queries_path, qrels_path)
    missing = [f"{path}: no such file" for path in wanted if not path.is_file()]
    if missing:
        splits = sorted(path.stem for path in folder.glob("qrels/*.tsv"))
        if splits and not qrels_path.is_file():
            missing[-1] += f" (there are judgments for: {summarize_names(splits)})"
        raise InputError(f"{folder} is not a BEIR folder with judgments for {split!r}", missing)
    problems: list[str] = []
    queries: list[Query] | None = None
    qrels: Qrels | None = None
    try:
        queries = read_queries(queries_path, warn=warn)
    except InputError as e:
        problems += e.problems
    try:
        known = None if queries is None else {query.id for query in queries}
        qrels = read_qrels(qrels_path, queries=known, warn=warn)
    except InputError as e:
        problems += e.problems
    if queries is None or qrels is None:
        raise InputError(f"mistakes in {folder}", problems)
    return Beir(corpus, [query for query in queries if query.id in qrels], qrels)
