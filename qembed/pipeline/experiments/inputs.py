"""Inputs of an evaluation: queries, judgments, and a BEIR corpus that is indexed first."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers import read
from qembed.corpus.source_files import walk
from qembed.errors import (
    InputError,
    QembedError,
    StorageError,
    UsageError,
    about,
    collected,
    raise_all,
    refusal,
)
from qembed.evaluation import corpus_file_name, read_beir, read_qrels, read_queries
from qembed.models import cache_folder
from qembed.paths import CACHE_HINT, INDEX_FOLDER
from qembed.pipeline.experiments.eval_options import EvalOptions, EvalPlan, plan_evaluation
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.locate import model_spec
from qembed.pipeline.progress import Progress
from qembed.types import Document, Qrels, Query, Unreadable

LOCK_WAIT = 3600.0
"""Seconds to wait for another process that indexes the same collection."""


@dataclass(frozen=True, slots=True)
class EvalInputs:
    """Queries and judgments; `corpus`: the corpus file of a BEIR folder, None without one."""

    queries: Sequence[Query]
    qrels: Qrels
    corpus: Path | None = None


def plan_and_read(options: EvalOptions, warn: Callable[[str], None]) -> tuple[EvalPlan, EvalInputs]:
    """Parse the options of an evaluation and read its files. Raises all errors of both at once."""
    errors: list[QembedError] = []
    plan: EvalPlan | None = None
    inputs: EvalInputs | None = None
    with collected(errors):
        plan = plan_evaluation(options)
    if options.beir is not None or options.qrels is not None:
        with collected(errors):
            inputs = read_inputs(
                options.queries,
                options.qrels,
                options.beir,
                options.split,
                needs_words=not options.runs,
                warn=warn,
            )
    elif options.queries is not None:
        with collected(errors, "--queries"):
            read_queries(options.queries, warn=warn)
    raise_all(errors)
    assert plan is not None
    assert inputs is not None  # without judgments there is no plan
    return plan, inputs


def read_inputs(
    queries: Path | None,
    qrels: Path | None,
    beir: Path | None,
    split: str,
    *,
    needs_words: bool,
    warn: Callable[[str], None],
) -> EvalInputs:
    """Read `queries` and `qrels`, or the BEIR folder `beir`.

    `needs_words`: queries are searched for, not only scored, so a file of queries is required. Raises
    UsageError, InputError, Mistakes for both files.
    """
    if beir is not None:
        if queries is not None or qrels is not None:
            raise UsageError("--beir brings its own queries and judgments")
        found = read_beir(beir, split, warn=warn)
        return EvalInputs(found.queries, found.qrels, found.corpus)
    errors: list[QembedError] = []
    if qrels is None:
        with about("--qrels", "--queries"):
            raise UsageError(
                "--qrels FILE is wanted, with --queries FILE (qembed eval init makes a start)"
            )
    judged: Qrels = {}
    with collected(errors, "--qrels"):
        judged = read_qrels(qrels, warn=warn)
    if queries is None:
        with collected(errors, "--queries"):
            if needs_words:
                raise UsageError(
                    "--queries FILE is wanted: judgments do not hold the queries' words"
                )
        raise_all(errors)
        return EvalInputs([Query(q, "") for q in judged], judged)
    asked: Sequence[Query] = ()
    with collected(errors, "--queries"):
        asked = read_queries(queries, warn=warn)
    if errors and _are_swapped(queries, qrels):
        with about("--queries", "--qrels"):
            raise InputError(
                f"{queries} holds judgments and {qrels} queries: swap --queries and --qrels"
            ) from errors[0]
    raise_all(errors)
    return EvalInputs(asked, judged)


def read_collection(corpus: Path) -> list[Document]:
    """Documents of a BEIR corpus, read as an index reads them. Raises InputError with all mistakes."""
    documents: list[Document] = []
    problems: list[str] = []
    for file in walk(corpus):
        if isinstance(file, Unreadable):
            problems.append(str(file))
            continue
        for item in read(file._replace(name=corpus_file_name(corpus)), ReadOptions()):
            if isinstance(item, Document):
                documents.append(item)
            elif isinstance(item, Unreadable):
                problems.append(str(item))
    if problems:
        raise InputError(f"{corpus}: the collection cannot be read whole:", problems)
    if not documents:
        raise InputError(f"{corpus}: no documents in it")
    return documents


def _are_swapped(queries: Path, qrels: Path) -> bool:
    """True if each file can be read as what the other should be."""
    try:
        read_qrels(queries, warn=lambda _: None)
        read_queries(qrels, warn=lambda _: None)
    except QembedError:
        return False
    return True


def index_beir(
    corpus: Path, options: IndexOptions, progress: Progress
) -> tuple[Path, IndexSummary]:
    """Make or refresh the index of a collection in the cache folder, keyed by the corpus's content.

    Returns its path and the summary. Raises InputError for records that cannot be read, StorageError,
    KeyboardInterrupt if `progress` was stopped.
    """
    recipe = options.recipe._replace(model=model_spec(options.recipe.model))
    key = hashlib.blake2b(json.dumps(repr(recipe)).encode(), digest_size=12)
    with corpus.open("rb") as f:
        while piece := f.read(1 << 22):
            key.update(piece)
    folder = cache_folder() / "eval" / key.hexdigest()
    # a name inside the folder, so that one content at two places is one source
    link = folder / corpus_file_name(corpus)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(corpus.resolve())
    except OSError as e:
        raise StorageError(f"cannot write {folder}: {refusal(e)} ({CACHE_HINT})") from e
    root = folder / INDEX_FOLDER
    chosen = replace(options, paths=(str(link),), recipe=recipe, wait=LOCK_WAIT)
    with progress.committing():
        summary = build(root, chosen, progress)
    if summary.interrupted:
        raise KeyboardInterrupt
    if summary.failed:
        raise InputError(
            f"{corpus}: the collection cannot be read whole:", [str(u) for u in summary.failed]
        )
    os.utime(folder)
    return root, summary
