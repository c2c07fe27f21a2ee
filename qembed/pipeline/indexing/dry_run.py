"""`qembed index --dry-run`: the plan of a run as a summary. Takes no lock and writes nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from qembed.corpus import GONE
from qembed.corpus import read as read_file
from qembed.pipeline.indexing.deletion.damaged import NOT_FOUND
from qembed.pipeline.indexing.deletion.emptied import textless_before
from qembed.pipeline.indexing.deletion.losses import (
    ELSEWHERE,
    NO_TEXT,
    NOT_IN_FILE,
    NOT_READ,
    SourceLoss,
    lost_records,
    record_losses,
)
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
from qembed.pipeline.indexing.summary import KINDS, Detail, IndexSummary
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_content import compare_content
from qembed.store.index_folder import check_index_folder
from qembed.store.repair import RepairPlan
from qembed.types import Document, Skipped, SourceFile, Unreadable


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
        options.planned("repair", name, None)
    progress.phase("scan", "files", None)
    plan = plan_index(root, options, progress=progress, repair=repair)
    for line in repair.messages:
        progress.say(line)
    try:
        same = _same(plan, progress)
        gone = plan.sources.documents_gone(plan.documents_in, plan.changes.gone)
        outer = plan.sources.taken_over
        waiting = {key for keys in outer.values() for key in keys}
        for key in [k for k in gone if k not in waiting]:
            options.planned("delete", key[1], None)
        measurement = Measurement(plan, options, progress, same)
        measurement.run()
        for owned in measurement.fruitless.keys() - measurement.emptied.keys():
            for key in outer.get(owned, ()):
                waiting.discard(key)
                del gone[key]
        reasons = {**plan.sources.absent, **_emptied(plan, measurement.emptied, gone)}
        for _, name in sorted(waiting):
            options.planned("delete", name, None)
        details = measurement.details if options.detail else []
        summary = _summary(root, plan, details, began, same, measurement.fruitless, gone, reasons)
        summary.estimate = measurement.estimate()
        measurement.foretell(summary)
        _add_repair(summary, repair)
        if summary.question is None:
            summary.question = _record_question(plan, same, summary, progress, measurement.emptied)
        if summary.question is None and plan.damaged.is_any:
            summary.question = _damaged_question(plan, progress, measurement.emptied)
        summary.way_out = GIVES_UP if repair.loses else plan.sources.guard.way_out
        return summary
    finally:
        plan.close()


def _add_repair(summary: IndexSummary, repair: RepairPlan) -> None:
    """Add to a summary what is repaired before the run, and the records that are lost with it."""
    if repair.files:
        summary.would = {**summary.would, "repair": list(repair.files)}
    if repair.loses:
        summary.question = describe_loss(repair)
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


def _record_question(
    plan: IndexPlan,
    same: Container[Key],
    summary: IndexSummary,
    progress: Progress,
    emptied: Container[Key],
) -> str | None:
    """Question that a run asks once it has read that records, or texts, are gone, None if it asks none.

    The files are read only where they have so many documents that it may come to that. `emptied`: files
    whose documents the summary counts as deleted.
    """
    guard, reasons = plan.sources.guard, Counter(summary.deleted_why)
    reasons.pop(ELSEWHERE, None)
    # of what --allow-missing gives up nobody is asked
    reasons[GONE] -= plan.documents_in([k for k in plan.changes.gone if k[0] in guard.asked])
    reasons = +reasons
    read = [(f, plan.files.get((f.source, f.name))) for f in plan.changes.read]
    known = [
        (f, f.source, state.stop - state.start)
        for f, state in read
        if state is not None and (f.source, f.name) not in same
    ]
    for file, _ in read:
        if outer := plan.sources.taken_over.get((file.source, file.name)):
            known.append((file, outer[0][0], plan.documents_in(outer)))
    lost: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for file, path, documents in known:
        (counted if (file.source, file.name) in emptied else lost)[path] += documents
    at_most, total = record_losses(lost + counted), reasons.total() + lost.total()
    if plan.target.rebuild or guard.question(total, reasons, at_most) is None:
        return None
    lost.clear()
    textless: Counter[str] = Counter()
    for file, path, documents in known:
        if (file.source, file.name) in emptied:
            continue
        end_if_stopped(progress)
        before = partial(_textless_before, plan, (file.source, file.name))
        gone, empty = lost_records(file, plan.read_options(file.source), documents, before)
        lost[path] += gone
        textless[path] += empty
    nested = plan.sources.taken_over
    new = [f for f, state in read if state is None and (f.source, f.name) not in nested]
    moved = _moved_records(plan, new, progress)
    reasons[NOT_IN_FILE] += lost.total()
    lost += counted
    reasons[NO_TEXT] += textless.total()
    losses = record_losses(lost - Counter(dict.fromkeys(lost, moved)), textless)
    return guard.question(reasons.total() - moved, +reasons, losses)


def _damaged_question(
    plan: IndexPlan, progress: Progress, emptied: Mapping[Key, str]
) -> str | None:
    """Question that a run asks about damaged documents that no file has any more, None if it asks none.

    `emptied`: reasons of files that give no documents any more.
    """
    damaged, reasons = plan.damaged, Counter[str]()
    reasons[NOT_READ] = damaged.count(plan.changes.unchanged)  # in a folder that is not listed now
    found: set[str] = set()
    there: set[str] = set()
    for file in plan.changes.read:
        key = file.source, file.name
        if key in emptied:
            reasons[emptied[key]] += damaged.count([key])
        elif damaged.former is not None or damaged.count([key]):
            names, is_whole = _ids_in(file, plan, progress)
            there |= names
            found |= {i for name in names for i in (name, f"{file.source}/{name}")}
            if (state := plan.files.get(key)) is not None:
                known = {*plan.catalog.ids_between(state.start, state.stop)}
                lost = damaged.ids_in(state.start, state.stop) - found
                new = sum({n, f"{file.source}/{n}"}.isdisjoint(known) for n in names)
                reasons[NOT_IN_FILE if is_whole else NOT_READ] += max(0, len(lost) - new)
    has_ids = damaged.former is not None and damaged.former.ids is not None
    guard = plan.sources.guard
    reasons[NOT_FOUND], by_source = damaged.not_found(found if has_ids else there)
    reasons[NOT_FOUND] -= sum(n for path, n in by_source.items() if path in guard.asked)
    asked = {path: n for path, n in by_source.items() if path not in guard.asked}
    losses = {path: SourceLoss(n, {NOT_FOUND: n}) for path, n in asked.items()}
    reasons = +reasons
    return guard.question(reasons.total(), reasons, losses, reasons)


def _ids_in(file: SourceFile, plan: IndexPlan, progress: Progress) -> tuple[set[str], bool]:
    """Ids of the documents in a file, and whether all of it can be read."""
    found, is_whole = set(), True
    for item in read_file(file, plan.read_options(file.source)):
        end_if_stopped(progress)
        if isinstance(item, Document):
            found.add(item.id)
        elif isinstance(item, Unreadable):
            is_whole &= isinstance(item, Skipped) and not item.keep
    return found, is_whole


def _textless_before(plan: IndexPlan, key: Key) -> int:
    """Number of documents without text that the index has of a file."""
    state = plan.files.get(key)
    if state is None or plan.snapshot is None:
        return 0
    return textless_before(plan.snapshot, plan.catalog, state)


def _moved_records(plan: IndexPlan, new: Iterable[SourceFile], progress: Progress) -> int:
    """Number of documents of new files whose content known files have."""
    known = {*plan.catalog.digests(range(len(plan.catalog)))}
    found = 0
    for file in new:
        meta = plan.sources.by_path[file.source].meta
        for item in read_file(file, plan.read_options(file.source)):
            end_if_stopped(progress)
            if isinstance(item, Document):
                found += replace(item, meta={**meta, **item.meta}).digest in known
    return found


def _summary(
    root: Path,
    plan: IndexPlan,
    details: list[Detail],
    began: float,
    same: Collection[Key],
    fruitless: Mapping[Key, str],
    gone: Mapping[Key, int],
    reasons: Mapping[Key, str],
) -> IndexSummary:
    """Summary of a plan. `same`: files to be read that will be found unchanged.

    `gone`: files whose documents are deleted, with the number of these; `reasons`: by file.
    """
    changes, present = plan.changes, plan.present
    read = [(f.source, f.name) for f in changes.read]
    keys = {
        "add": [key for key in read if plan.damaged.is_new(key) and key not in fruitless],
        "read": [
            k for k in read if not plan.damaged.is_new(k) and k not in same and k not in fruitless
        ],
        "fail": [key for key, verb in fruitless.items() if verb == "fail"],
        "delete": list(gone),
    }
    would = {verb: [name for _, name in found] for verb, found in keys.items()}
    deleted_why: Counter[str] = Counter()
    for key, n in gone.items():
        deleted_why[reasons[key]] += n
    kept = [k for k, verb in fruitless.items() if verb != "delete" and k in plan.files]
    kept += [key for key in changes.gone if key not in gone]
    kept += changes.unchanged
    unread = plan.damaged.count(kept)
    deleted_why += Counter({NOT_READ: unread})
    documents = dict.fromkeys(KINDS, 0)
    documents["added"] = len(would["add"])
    documents["changed"] = len(would["read"])
    documents["unchanged"] = plan.documents_in([*kept, *same]) - unread
    documents["deleted"] = sum(gone.values()) + unread
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
        skipped_files=sorted(plan.sources.skipped.names),
        seconds={"total": time.perf_counter() - began},
        dry_run=True,
        would=would,
        deleted_why=deleted_why,
        question=plan.sources.question,
        details=details,
        forgotten=plan.forgotten(),
    )
