"""`qembed index --dry-run`: the plan of a run as a summary. Takes no lock and writes nothing."""

from __future__ import annotations

import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Container
from pathlib import Path

from qembed.corpus import read, reader_of
from qembed.errors import EncodingError, ModelUnavailable
from qembed.pipeline.indexing.chunking import PassageBuilder
from qembed.pipeline.indexing.index_plan import IndexPlan, plan_index
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.sources import read_options
from qembed.pipeline.indexing.summary import KINDS, MAX_LISTED, Detail, Estimate, IndexSummary
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_content import compare_content
from qembed.store.index_folder import check_index_folder
from qembed.types import LeftOut, ReadWarning, Skipped, SourceFile, Unreadable

MAX_PROBLEMS = 3
"""Problems reported of one file."""
READ_SECONDS, ENCODE_SECONDS = 5.0, 5.0
"""Longest measurements of reading and cutting, and of encoding."""
FEW_FILES = 200
"""Files up to which the measurement begins with the first."""
LARGE_BYTES = 1 << 16
"""Size of a file from which on the measurement takes it after all smaller ones."""
SAMPLE_TEXTS, TEXTS_PER_CALL = 1024, 32
"""Passages that are encoded at most, and in one call."""


def dry_run(root: Path, options: IndexOptions, progress: Progress) -> IndexSummary:
    """Summarise what a run would do, and estimate its passages and its time from a measurement.

    Known files of the same size whose time says nothing are read and compared. `options.planned` is told of
    each file as soon as it is known. Raises what `plan_index` and `check_index_folder` raise, and
    KeyboardInterrupt when `progress` is to stop: a plan of a part would be none.
    """
    check_index_folder(root)
    began = time.perf_counter()
    progress.phase("scan", "files", None)
    plan = plan_index(root, options, progress=progress)
    try:
        same = _same(plan, progress)
        for verb, keys in _changes(plan, same).items():
            if verb == "delete" or not options.detail:
                for _, name in keys:
                    options.planned(verb, name, None)
        measurement = _Measurement(plan, options, progress, same)
        measurement.run()
        details = measurement.details if options.detail else []
        summary = _summary(root, plan, details, began, same)
        summary.estimate = measurement.estimate()
        measurement.foretell(summary)
        return summary
    finally:
        plan.close()


def _same(plan: IndexPlan, progress: Progress) -> set[Key]:
    """Files that a run would read, and find as they were."""
    found: set[Key] = set()
    for file in plan.changes.read:
        key = file.source, file.name
        state = plan.files.get(key)
        _end_if_stopped(progress)
        if state is None or state.size != file.size:
            continue
        source = plan.sources.by_path[file.source]
        fields = read_options(source)
        if compare_content(plan.catalog, state, file, fields, source.meta).is_same:
            found.add(key)
    return found


def _changes(plan: IndexPlan, same: Container[Key]) -> dict[str, list[Key]]:
    """Files by what a run would do about them: add, read (again), delete; not those found the `same`."""
    read = [(f.source, f.name) for f in plan.changes.read]
    return {
        "add": [key for key in read if key not in plan.files],
        "read": [key for key in read if key in plan.files and key not in same],
        "delete": list(plan.changes.gone),
    }


def _summary(
    root: Path, plan: IndexPlan, details: list[Detail], began: float, same: Collection[Key]
) -> IndexSummary:
    """Summary of a plan. `same`: files to be read that will be found unchanged."""
    changes, present = plan.changes, plan.present
    would = {verb: [name for _, name in keys] for verb, keys in _changes(plan, same).items()}
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
        model=plan.model_facts(),
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


class _Measurement:
    """Reading, cutting and encoding of a sample of the files to read, for some seconds at most.

    The sample is drawn at random where there are many files: their order is that of folders, which differ.
    """

    def __init__(
        self, plan: IndexPlan, options: IndexOptions, progress: Progress, same: Container[Key]
    ) -> None:
        self._plan = plan
        self._files = [f for f in plan.changes.read if (f.source, f.name) not in same]
        self._options = options
        self._progress = progress
        self.details: list[Detail] = []
        self._bytes: Counter[str] = Counter()  # by reader: of the sample
        self._passages: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._texts: list[str] = []
        self._deadline = 0.0
        self._new = [0, 0]  # documents of the sample's new files, and bytes of these files
        self._skipped: Counter[str] = Counter()
        self._failed: dict[Key, list[Unreadable]] = {}

    def run(self) -> None:
        """Measure until all files are read or the time is up; tell of the rest, too."""
        files = self._files
        order = list(range(len(files)))
        if len(files) > FEW_FILES:
            random.Random(0).shuffle(order)
            order.sort(key=lambda at: files[at].size > LARGE_BYTES)  # one would take all the time
        self._deadline = time.perf_counter() + READ_SECONDS
        self._progress.phase("read a sample", "files", None)
        builder = (
            PassageBuilder(self._plan.target.model, self._plan.target.recipe) if files else None
        )
        read = 0
        while builder and read < len(order):
            _end_if_stopped(self._progress)
            if time.perf_counter() >= self._deadline:
                break
            file = files[order[read]]
            detail = self._read(file, builder)
            self.details.append(detail)
            self._tell(file, detail)
            self._progress.advance(1)
            read += 1
        for at in sorted(order[read:]):
            self._tell(files[at], None)

    def _tell(self, file: SourceFile, detail: Detail | None) -> None:
        if self._options.detail:
            verb = "add" if self._is_new(file) else "read"
            self._options.planned(verb, file.name, detail)

    def _read(self, file: SourceFile, builder: PassageBuilder) -> Detail:
        """Read and cut a file; of a file that takes longer than there is time, the first part."""
        began = time.perf_counter()
        reader = _reader_name(file)
        documents = passages = seen = 0
        problems = []
        is_whole = True
        for item in read(file, read_options(self._plan.sources.by_path[file.source])):
            if isinstance(item, LeftOut):
                problems.append(f"left out: {item.count:,} × {item.what}")
            elif isinstance(item, ReadWarning):
                where = "" if item.line is None else f"{item.line}: "
                problems.append(f"warning: {where}{item.message}")
            elif isinstance(item, Unreadable):
                if isinstance(item, Skipped):
                    self._skipped[item.error] += 1
                else:
                    self._failed.setdefault((file.source, file.name), []).append(item)
                problems.append(item.error if item.line is None else f"{item.line}: {item.error}")
            else:
                cut = builder.passages(item)
                documents += 1
                passages += len(cut)
                seen += len(item.text)
                if len(self._texts) < SAMPLE_TEXTS:
                    self._texts += builder.encoder_texts(item, cut)
            _end_if_stopped(self._progress)
            if time.perf_counter() > self._deadline:
                is_whole = False
                break
        if lacking := builder.chunker.lacks(file.name):
            problems.append(lacking)
        self._passages[reader] += passages
        self._bytes[reader] += file.size if is_whole else min(seen, file.size)
        if self._is_new(file):
            self._new[0] += documents
            self._new[1] += file.size if is_whole else min(seen, file.size)
        self._seconds[reader] += time.perf_counter() - began
        if not is_whole:
            problems.append("read in part only, as there is no time for more in a dry run")
        kind = builder.chunker.kind_of(file.name)
        return Detail(file.name, reader, kind, documents, passages, problems[:MAX_PROBLEMS])

    def _is_new(self, file: SourceFile) -> bool:
        return (file.source, file.name) not in self._plan.files

    def foretell(self, summary: IndexSummary) -> None:
        """Set the documents that a run would add, those it would leave out, and those it could not read.

        Of files that were not read, the first in proportion to bytes; that a file may be opened is asked of
        all of them.
        """
        for file in self._files:
            key = file.source, file.name
            if key not in self._failed and not os.access(file.location, os.R_OK):
                self._failed[key] = [
                    Unreadable(os.fspath(file.location), "no permission to read it")
                ]
        told = [problem for problems in self._failed.values() for problem in problems]
        summary.failed = [*summary.failed, *told[:MAX_LISTED]]
        summary.skipped = Counter(summary.skipped) + self._skipped
        added, size = self._new
        total = sum(f.size for f in self._files if self._is_new(f))
        summary.documents = {
            **summary.documents,
            "added": round(added * total / size) if size else added,
            "failed": summary.documents["failed"] + len(told),
        }

    def estimate(self) -> Estimate:
        """Passages and seconds of the run: those measured, in proportion to the bytes of each kind."""
        files: Counter[str] = Counter()
        size: Counter[str] = Counter()
        for file in self._files:
            reader = _reader_name(file)
            files[reader] += 1
            size[reader] += file.size
        passages, seconds = 0.0, 0.0
        for reader in files:
            # of a kind that the sample lacks: as all others together
            known = self._bytes[reader] > 0
            measured = self._bytes[reader] if known else self._bytes.total()
            if not measured:
                continue
            share = size[reader] / measured
            passages += share * (self._passages[reader] if known else self._passages.total())
            seconds += share * (self._seconds[reader] if known else sum(self._seconds.values()))
        for_text = self._encoding_seconds()
        whole = len(self.details) == len(self._files)
        return Estimate(
            kinds={reader: (files[reader], size[reader]) for reader in sorted(files)},
            passages=round(passages),
            seconds=None if for_text is None else round(seconds + passages * for_text, 1),
            measured=len(self.details),
            is_exact=whole and not any("in part" in p for d in self.details for p in d.problems),
        )

    def _encoding_seconds(self) -> float | None:
        """Seconds a passage; None for a server's model, which a dry run asks nothing, and one that fails."""
        model = self._plan.target.model if self._texts else None
        if model is None or model.is_remote:
            return 0.0 if model is None else None
        self._progress.phase("encode a sample", "passages", None)
        try:
            encoder = model.encoder()
            encoder.encode(self._texts[:1])
            began, done = time.perf_counter(), 0
            while done < len(self._texts) and time.perf_counter() - began < ENCODE_SECONDS:
                _end_if_stopped(self._progress)
                part = self._texts[done : done + TEXTS_PER_CALL]
                encoder.encode(part)
                done += len(part)
                self._progress.advance(len(part))
            return (time.perf_counter() - began) / done
        except (EncodingError, ModelUnavailable):
            return None
        finally:
            model.release()


def _end_if_stopped(progress: Progress) -> None:
    if progress.stop():
        raise KeyboardInterrupt


def _reader_name(file: SourceFile) -> str:
    return reader_of(file.name).__name__.removeprefix("read_")
