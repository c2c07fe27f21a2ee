"""Reader of BEIR folders: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, compressed or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qembed.compression import SIGNATURE_BYTES, detect_codec
from qembed.errors import InputError, cannot_read
from qembed.evaluation.formats.qrels import read_qrels
from qembed.evaluation.formats.queries import read_queries
from qembed.evaluation.formats.source_file import Warn, ignore_warning, summarize_names
from qembed.inputs import is_file
from qembed.types import Qrels, Query

SUFFIXES = ("", ".gz", ".zst")
"""Suffixes after a file's name in a BEIR folder, the preferred ones first."""


@dataclass(frozen=True, slots=True)
class Beir:
    """Test collection. `corpus`: path of its documents; `queries`: the judged ones."""

    corpus: Path
    queries: list[Query]
    qrels: Qrels


def read_beir(folder: Path, split: str = "test", *, warn: Warn = ignore_warning) -> Beir:
    """Read a BEIR folder's judged queries and judgments; the corpus is only located.

    Queries without a judgment in this split belong to other splits and are dropped. Raises
    InputError naming every missing file, every mistake in a file, and judged queries that
    queries.jsonl lacks.
    """
    names = ("corpus.jsonl", "queries.jsonl", f"qrels/{split}.tsv")
    found = [_locate(folder, name) for name in names]
    missing = [
        f"{folder / name}: no such file, and no .gz or .zst"
        for name, path in zip(names, found, strict=True)
        if path is None
    ]
    corpus, queries_path, qrels_path = found
    if corpus is None or queries_path is None or qrels_path is None:
        splits = _splits(folder)
        if splits and qrels_path is None:
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


def _locate(folder: Path, name: str) -> Path | None:
    """Path of a file of the folder, with one of SUFFIXES; None if there is none."""
    paths = (folder / f"{name}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if is_file(path)), None)


def _splits(folder: Path) -> list[str]:
    """Names of the splits that the folder has judgments for."""
    found = {p.name.partition(".tsv")[0] for s in SUFFIXES for p in folder.glob(f"qrels/*.tsv{s}")}
    return sorted(found)


def corpus_file_name(corpus: Path) -> str:
    """Name under which a corpus is indexed: corpus.jsonl and the suffix of its compression.

    The compression is found by the first bytes, whatever the file is called. Raises InputError for
    one that cannot be indexed.
    """
    try:
        with corpus.open("rb") as file:
            codec = detect_codec(file.read(SIGNATURE_BYTES))
    except OSError as e:
        raise cannot_read(corpus, e) from e
    if codec in ("bzip2", "xz"):
        what = f"compressed with {codec}; gzip and zstd can be indexed"
        raise InputError(f"cannot read {corpus}: {what}")
    return {"gzip": "corpus.jsonl.gz", "zstd": "corpus.jsonl.zst"}.get(codec or "", "corpus.jsonl")
