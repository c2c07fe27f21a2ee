"""`qembed index --dry-run`: the plan of a run as a summary. Takes no lock and writes nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from qembed.pipeline.indexing.deletion.emptied import emptied_sources
from qembed.pipeline.indexing.deletion.foretold import foretell_questions
from qembed.pipeline.indexing.deletion.losses import NOT_IN_FILE
from qembed.pipeline.indexing.deletion.repaired import (
    GIVES_UP,
    LOST,
    describe_loss,
    plan_check,
)
from qembed.pipeline.indexing.encoding.measurement import Measurement, end_if_stopped
from qembed.pipeline.indexing.index_plan import IndexPlan, plan_index
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import KINDS, Detail, IndexSummary, Question
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_content import compare_content
from qembed.store.index_folder import check_index_folder
from qembed.store.repair import RepairPlan


def dry_run(root: Path, options: IndexOptions, progress: Progress) -> IndexSummary:
    """Summarise what a run would do, and estimate its passages and its time from a measurement.

    Known files of the same size whose time says nothing are read and compared. `options.planned` is told of
    each file as soon as it is known. Raises what `plan_index` and `check_index_folder` raise, and
    KeyboardInterrupt when `progress` is to stop: a plan of a part would be none.
    """
    check_index_folder(root)
    began = time.perf_counter()
    repair = plan_check(root, options)
    for name in repair.files:
        options.planned("repair", str(root / name), None)
    progress.phase("scan", "files", None)
    plan = plan_index(root, options, progress=progress, repair=repair)
    for line in repair.messages:
        progress.say(line)
    try:
        same = _same(plan, progress)
        gone = plan.sources.documents_gone(plan.documents_in, plan.changes.gone)
        outer = plan.sources.taken_over
        waiting = {key for keys in outer.values() for key in keys}
        found_gone = {*plan.changes.gone}
        others = Counter[str]()
        for key in gone.keys() - found_gone:
            others[plan.sources.absent[key]] += gone[key]
        # a new file may have what is in them
        is_news = any((f.source, f.name) not in plan.files for f in plan.changes.read)
        later = found_gone if is_news else waiting
        for key in [k for k in gone if k not in later]:
            options.planned("delete", plan.places.path(key), None)
        measurement = Measurement(plan, options, progress, same)
        measurement.run()
        for owned in measurement.fruitless.keys() - measurement.emptied.keys():
            for key in outer.get(owned, ()):
                waiting.discard(key)
                del gone[key]
        reasons = {**plan.sources.absent, **_emptied(plan, measurement.emptied, gone)}
        away = [k for k in gone if not measurement.documents.has_moved(k)]
        for key in [k for k in away if k in later]:
            options.planned("delete", plan.places.path(key), None)
        details = measurement.details if options.detail else []
        moved = measurement.documents.moved.keys()
        summary = _summary(root, plan, details, began, same, measurement.fruitless, away, moved)
        measurement.foretell(summary, same, others)
        summary.estimate = measurement.estimate()
        _add_repair(summary, repair)
        why = {key: reasons[key] for key in gone}
        kept = {path for path, _ in plan.files.keys() - gone.keys()}
        found = {(f.source, f.name) for f in plan.changes.read} - measurement.fruitless.keys()
        left = kept | {path for path, _ in found}
        summary.emptied_sources = emptied_sources(plan.sources, left)
        more = foretell_questions(root, plan, progress, same, why, gone)
        for asked in [*plan.sources.questions, *more]:
            summary.questions.append(Question(asked.text, asked.way_out, asked.full_text))
        return summary
    finally:
        plan.close()


def _add_repair(summary: IndexSummary, repair: RepairPlan) -> None:
    """Add to a summary what is repaired before the run, and the records that are lost with it."""
    if repair.files:
        paths = [str(summary.index / name) for name in repair.files]
        summary.would = {**summary.would, "repair": paths}
    if repair.loses:
        summary.questions.append(Question(text := describe_loss(repair), GIVES_UP, text))
    if repair.gone:
        deleted = summary.documents["deleted"] + repair.gone
        summary.documents = {**summary.documents, "deleted": deleted}
        summary.deleted_why = {**summary.deleted_why, LOST: repair.gone}


def _emptied(plan: IndexPlan, emptied: Mapping[Key, str], gone: dict[Key, int]) -> dict[Key, str]:
    """Reasons of files that are read and give no documents any more. Their documents are added to `gone`."""
    found = {}
    for key, why in emptied.items():
        if key in plan.files:
            found[key] = why
            gone[key] = plan.documents_in([key])
        found.update(dict.fromkeys(plan.sources.taken_over.get(key, ()), NOT_IN_FILE))
    return found


def _same(plan: IndexPlan, progress: Progress) -> set[Key]:
    """Files that a run would read, and find as they were."""
    found: set[Key] = set()
    for file in plan.changes.read:
        key = file.source, file.name
        state = plan.files.get(key)
        end_if_stopped(progress)
        if state is None or state.size != file.size or plan.damaged.count([key]):
            continue
        source = plan.sources.by_path[file.source]
        fields = plan.read_options(file.source)
        if compare_content(
            plan.catalog, state, file, fields, source.meta, plan.target.recipe
        ).is_same:
            found.add(key)
    return found


def _summary(
    root: Path,
    plan: IndexPlan,
    details: list[Detail],
    began: float,
    same: Collection[Key],
    fruitless: Mapping[Key, str],
    away: Sequence[Key],
    moved: Collection[Key],
) -> IndexSummary:
    """Summary of a plan, without the outcomes of its documents.

    `same`: files to be read that will be found unchanged; `away`: files whose documents are deleted; `moved`:
    new files that have the documents of one that is gone.
    """
    present = plan.present
    read = [key for f in plan.changes.read if (key := (f.source, f.name)) not in fruitless]
    new = [key for key in read if plan.damaged.is_new(key)]
    keys = {
        "add": [key for key in new if key not in moved],
        "move": [key for key in new if key in moved],
        "read": [k for k in read if not plan.damaged.is_new(k) and k not in same],
        "fail": [key for key, verb in fruitless.items() if verb == "fail"],
        "delete": away,
    }
    would = {verb: [plan.places.path(key) for key in found] for verb, found in keys.items()}
    documents = dict.fromkeys(KINDS, 0)
    documents["failed"] = len(plan.sources.unlisted)
    passages = dict.fromkeys(("total", "encoded", "reused", "truncated", "tokens", "tokens_cut"), 0)
    passages["total"] = present.counts.get("passages", 0) if present else 0
    return IndexSummary(
        index=root,
        model=plan.model_facts(),
        generation=present.generation if present else 0,
        recipe=plan.target.recipe,
        documents=documents,
        passages=passages,
        failed=[u for _, u in plan.sources.unlisted],
        skipped=plan.sources.skipped.reasons,
        suffixes=plan.sources.skipped.suffixes,
        skipped_files=sorted(plan.sources.skipped.listed(plan.places)),
        seconds={"total": time.perf_counter() - began},
        dry_run=True,
        would=would,
        details=details,
        forgotten=plan.forgotten(),
    )
