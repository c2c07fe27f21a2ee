"""`qembed index --dry-run`: the plan of a run as a summary. Takes no lock and writes nothing."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from qembed.corpus import Chunker, ReadOptions, read, reader_of
from qembed.pipeline.indexing.chunking import PassageBuilder
from qembed.pipeline.indexing.index_plan import IndexPlan, plan_index
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.sources import read_options
from qembed.pipeline.indexing.summary import KINDS, Detail, IndexSummary
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_content import compare_content
from qembed.types import LeftOut, ReadWarning, SourceFile, Unreadable

MAX_PROBLEMS = 3
"""Problems reported of one file."""


def dry_run(root: Path, options: IndexOptions, progress: Progress) -> IndexSummary:
    """Summarise what a run would do. Raises what `plan_index` raises.

    Of known files it reads those of the same size whose time says nothing; all that a run would read with
    `detail`.
    """
    began = time.perf_counter()
    plan = plan_index(root, options)
    try:
        details = _details(plan, progress) if options.detail else []
        return _summary(root, plan, details, began, _same(plan, progress))
    finally:
        plan.close()


def _same(plan: IndexPlan, progress: Progress) -> set[Key]:
    """Files that a run would read, and find as they were."""
    found: set[Key] = set()
    for file in plan.changes.read:
        key = file.source, file.name
        state = plan.files.get(key)
        if progress.stop():
            break
        if state is None or state.size != file.size:
            continue
        source = plan.sources.by_path[file.source]
        fields = read_options(source)
        if compare_content(plan.catalog, state, file, fields, source.meta).is_same:
            found.add(key)
    return found


def _summary(
    root: Path, plan: IndexPlan, details: list[Detail], began: float, same: set[Key]
) -> IndexSummary:
    """Summary of a plan. `same`: files to be read that will be found unchanged."""
    changes, present = plan.changes, plan.present
    keys = [(f.source, f.name) for f in changes.read]
    would = {
        "add": [name for source, name in keys if (source, name) not in plan.files],
        "read": [
            name
            for source, name in keys
            if (source, name) in plan.files and (source, name) not in same
        ],
        "delete": [name for _, name in changes.gone],
    }
    deleted_why: Counter[str] = Counter()
    for key in changes.gone:
        deleted_why[plan.sources.absent[key]] += plan.documents_in([key])
    documents = dict.fromkeys(KINDS, 0)
    documents["added"] = len(would["add"])
    documents["changed"] = len(would["read"])
    documents["unchanged"] = plan.documents_in([*changes.unchanged, *same])
    documents["deleted"] = plan.documents_in(changes.gone)
    documents["failed"] = len(plan.sources.unlisted)
    passages = dict.fromkeys(("total", "encoded", "reused", "truncated", "tokens", "tokens_cut"), 0)
    passages["total"] = present.counts.get("passages", 0) if present else 0
    return IndexSummary(
        index=root,
        generation=present.generation if present else 0,
        recipe=plan.target.recipe,
        documents=documents,
        passages=passages,
        failed=[u for _, u in plan.sources.unlisted],
        skipped=plan.sources.skipped,
        suffixes=plan.sources.suffixes,
        skipped_files=sorted(plan.sources.skipped_files) if plan.sources.options.detail else (),
        seconds={"total": time.perf_counter() - began},
        dry_run=True,
        would=would,
        deleted_why=deleted_why,
        question=plan.sources.question,
        details=details,
    )


def _details(plan: IndexPlan, progress: Progress) -> list[Detail]:
    """Read and chunk each file that a run would read."""
    chunker = PassageBuilder(plan.target.model, plan.target.recipe).chunker
    details = []
    for file in plan.changes.read:
        if progress.stop():
            break
        fields = read_options(plan.sources.by_path[file.source])
        details.append(_detail(file, fields, chunker))
    return details


def _detail(file: SourceFile, fields: ReadOptions, chunker: Chunker) -> Detail:
    documents = passages = 0
    problems = []
    for item in read(file, fields):
        if isinstance(item, LeftOut):
            problems.append(f"left out: {item.count:,} × {item.what}")
        elif isinstance(item, ReadWarning):
            where = "" if item.line is None else f"{item.line}: "
            problems.append(f"warning: {where}{item.message}")
        elif isinstance(item, Unreadable):
            problems.append(item.error if item.line is None else f"{item.line}: {item.error}")
        else:
            documents += 1
            passages += len(chunker.split(item))
    if lacking := chunker.lacks(file.name):
        problems.append(lacking)
    reader = reader_of(file.name).__name__.removeprefix("read_")
    kind = chunker.kind_of(file.name)
    return Detail(file.name, reader, kind, documents, passages, problems[:MAX_PROBLEMS])
