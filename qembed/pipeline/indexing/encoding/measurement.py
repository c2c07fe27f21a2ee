"""Measurement of a sample of the files that a run would read: how they are read, cut and encoded."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from qembed.corpus import reader_of, suffix
from qembed.corpus.read_position import ReadPosition
from qembed.errors import EncodingError, ModelUnavailable
from qembed.pipeline.indexing.deletion.foretold_documents import ForetoldDocuments
from qembed.pipeline.indexing.deletion.losses import NOT_IN_FILE
from qembed.pipeline.indexing.encoding.sample_counts import (
    PASSAGES,
    REUSED,
    SECONDS,
    SampleCounts,
)
from qembed.pipeline.indexing.encoding.stored_texts import StoredTexts
from qembed.pipeline.indexing.index_plan import IndexPlan
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import KINDS, MAX_LISTED, Detail, Estimate, IndexSummary
from qembed.pipeline.passage_builder import PassageBuilder
from qembed.pipeline.progress import Progress
from qembed.pipeline.sequences.files import read_items
from qembed.pipeline.skipped_files import skipped_file
from qembed.types import Document, LeftOut, ReadWarning, Skipped, SourceFile, Unreadable

MAX_PROBLEMS = 3
"""Problems reported of one file."""
READ_SECONDS, ENCODE_SECONDS = 4.0, 5.0
"""Longest measurements of reading and cutting, and of encoding."""
OTHERS_SECONDS = 1.0
"""Longest measurement of one file of each reader that these left out."""
LEAST_SECONDS = 0.1
"""Time for a file behind its first document, whatever its beginning took."""
FEW_FILES = 200
"""Files up to which the measurement begins with the first."""
LARGE_BYTES = 1 << 16
"""Size of a file from which on the measurement takes it after all smaller ones."""
SAMPLE_TEXTS, TEXTS_PER_CALL = 1024, 32
"""Passages that are encoded at most, and in one call."""


class Measurement:
    """Reading, cutting and encoding of a sample of the files to read, for some seconds at most.

    The sample is drawn at random where there are many files: their order is that of folders, which differ.
    `details`: of the files that were read; `fruitless`: files that give no document, with what a run does
    about them, "fail", "skip" or "delete"; `emptied`: those that had some or took some over, which go, with
    the reason. `documents`: of the files that were read, and what becomes of them.
    """

    def __init__(
        self, plan: IndexPlan, options: IndexOptions, progress: Progress, same: Collection[Key]
    ) -> None:
        self._plan = plan
        self._files = [f for f in plan.changes.read if (f.source, f.name) not in same]
        self._options = options
        self._progress = progress
        self.details: list[Detail] = []
        self._counts = SampleCounts()
        self._texts: list[str] = []
        self._deadline = 0.0
        self._skipped: dict[Key, str] = {}
        self.fruitless: dict[Key, str] = {}
        self.emptied: dict[Key, str] = {}
        self._stored = StoredTexts(plan.snapshot)
        self._failed: dict[Key, list[Unreadable]] = {}
        self._unseen: set[Key] = set()  # files that fail unread
        self._unread: list[SourceFile] = []
        self.documents = ForetoldDocuments(plan)

    def run(self) -> None:
        """Measure until all files are read or the time is up; tell of the rest, too."""
        files = self._files
        order = list(range(len(files)))
        if len(files) > FEW_FILES:
            random.Random(0).shuffle(order)
            order.sort(key=lambda at: files[at].size > LARGE_BYTES)  # one would take all the time
        deadline = time.perf_counter() + READ_SECONDS
        self._progress.phase("read a sample", "files", None)
        builder = (
            PassageBuilder(self._plan.target.model, self._plan.target.recipe) if files else None
        )
        read = 0
        while builder and read < len(order):
            end_if_stopped(self._progress)
            left = deadline - time.perf_counter()
            if left <= 0:
                break
            # one large file is not to take the time of all others
            self._deadline = deadline - (left / 2 if read < len(order) - 1 else 0)
            self._measure(files[order[read]], builder)
            read += 1
        rest = set(order[read:])
        others = self._others(order[read:])
        for at in others if builder else ():
            end_if_stopped(self._progress)
            self._deadline = time.perf_counter() + OTHERS_SECONDS / len(others)
            self._measure(files[at], builder)
            rest.remove(at)
        for at in sorted(rest):
            if not os.access(files[at].location, os.R_OK):
                path = os.fspath(files[at].location)
                self._add_failure(files[at], Unreadable(path, "no permission to read it"))
                self.fruitless[files[at].source, files[at].name] = "fail"
                self._unseen.add((files[at].source, files[at].name))
            else:
                self._unread.append(files[at])
            self._tell(files[at], None)

    def _measure(self, file: SourceFile, builder: PassageBuilder | None) -> None:
        assert builder is not None
        detail = self._read(file, builder)
        self.details.append(detail)
        self._tell(file, detail)
        self._progress.advance(1)

    def _others(self, left: Sequence[int]) -> list[int]:
        """Place of the first readable file of each reader that no file was measured of. `left`: places."""
        found: dict[str, int] = {}
        for at in left:
            reader = self._reader(self._files[at])
            known = reader in self._counts or reader in found
            if not known and os.access(self._files[at].location, os.R_OK):
                found[reader] = at
        return list(found.values())

    def _reader(self, file: SourceFile) -> str:
        """Name of a file's reader; of those that one program reads the suffix: `pdf`, `docx`."""
        reader = reader_of(file.name, self._plan.read_options(file.source))
        name = reader.__name__.removeprefix("read_")
        return suffix(file.name).removeprefix(".") if name == "office" else name

    def _tell(self, file: SourceFile, detail: Detail | None) -> None:
        verb = self.fruitless.get((file.source, file.name))
        key, path = (file.source, file.name), os.fspath(file.location)
        detail = detail if self._options.detail else None
        if origin := self.documents.moved.get(key):
            self._options.planned("move", path, detail, self._plan.places.path(origin))
        elif verb != "skip":
            verb = verb or ("add" if self._plan.damaged.is_new(key) else "read")
            self._options.planned(verb, path, detail)

    def _add_failure(self, file: SourceFile, problem: Unreadable) -> None:
        self._failed.setdefault((file.source, file.name), []).append(problem)

    def _read(self, file: SourceFile, builder: PassageBuilder) -> Detail:
        """Read and cut a file; of a file that takes longer than there is time, the first part.

        What is counted of a part stands for the whole file, in proportion to where the reader stopped.
        """
        began = until = time.perf_counter()
        reader = self._reader(file)
        documents = passages = seen = reused = 0
        is_kept, is_whole, problems = False, True, []
        position = ReadPosition()
        options = self._plan.read_options(file.source)._replace(position=position)
        key = file.source, file.name
        self.documents.begin_file(key)
        items = read_items(file, options, self._plan.target.recipe)  # named: open behind the loop
        for found in items:
            item = found
            if isinstance(item, Document):
                item = self.documents.problem(file, item) or item
            if isinstance(item, LeftOut):
                problems.append(f"left out: {item.count:,} × {item.what}")
            elif isinstance(item, ReadWarning):
                where = "" if item.line is None else f"{item.line}: "
                problems.append(f"warning: {where}{item.message}")
            elif isinstance(item, Unreadable):
                if isinstance(item, Skipped):
                    self._skipped[key] = item.error
                    is_kept |= item.keep
                else:
                    is_kept = True
                    self._add_failure(file, item)
                problems.append(item.error if item.line is None else f"{item.line}: {item.error}")
            else:
                cut = builder.passages(item)
                documents += 1
                passages += len(cut)
                seen += len(item.text)
                # of pictures the time is not known: the sample is of texts
                texts = [] if item.picture is not None else builder.encoder_texts(item, cut)
                known = self._stored.are_stored(texts)
                reused += sum(known)
                if len(self._texts) < SAMPLE_TEXTS:
                    self._texts += [t for t, old in zip(texts, known, strict=True) if not old]
            end_if_stopped(self._progress)
            now = time.perf_counter()
            if until == began:
                until = now
            if now > max(self._deadline, until + LEAST_SECONDS):
                is_whole = False
                break
        share = 1.0 if is_whole else position.share() or min(1.0, max(1, seen) / max(1, file.size))
        skipped = self._skipped.get(key)
        self.documents.end_file(
            file, reader, share, is_whole=is_whole, is_broken=is_kept, skipped=skipped
        )
        unread = self.documents.unread_reason(key) if is_whole and not documents else ""
        if is_whole and not documents and (unread or not is_kept):
            is_known = key in self._plan.files
            if is_known or key in self._plan.sources.taken_over:
                self.emptied[key] = unread or self._skipped.get(key, NOT_IN_FILE)
            if is_known:
                self.fruitless[key] = "delete"
        if is_whole and not documents and (key in self._failed or key in self._skipped):
            self.fruitless.setdefault(key, "fail" if key in self._failed else "skip")
        if lacking := builder.chunker.lacks(file.name):
            problems.append(lacking)
        # the beginning, in which some formats are read as a whole, is no part
        seconds = until - began + (time.perf_counter() - until) / share
        counts = {PASSAGES: passages / share, REUSED: reused / share, SECONDS: seconds}
        self._counts.add(reader, file.size, counts)
        if not is_whole:
            problems.append("read in part only, as there is no time for more in a dry run")
        kind = builder.chunker.kind_of(file.name)
        path, told = os.fspath(file.location), problems[:MAX_PROBLEMS]
        return Detail(path, file.name, reader, kind, documents, passages, told)

    def foretell(
        self, summary: IndexSummary, same: Collection[Key], others: Mapping[str, int]
    ) -> None:
        """Set the outcomes of all documents, the files left out, and those that could not be read.

        `same`: files that will be found unchanged; `others`: as of `ForetoldDocuments.end`.
        """
        told = [problem for problems in self._failed.values() for problem in problems]
        summary.failed = [*summary.failed, *told[:MAX_LISTED]]
        summary.skipped = Counter(summary.skipped) + Counter(self._skipped.values())
        own = [skipped_file(k, why, self._plan.places) for k, why in self._skipped.items()]
        skipped = sorted([*summary.skipped_files, *own])
        summary.skipped_files = skipped if self._options.detail else skipped[:MAX_LISTED]
        unread = [(file, self._reader(file)) for file in self._unread]
        self.documents.end(same, others, unread, self._unseen)
        stats = self.documents.stats
        failed = summary.documents["failed"] + len(told)
        found = {kind: stats.documents[kind] for kind in KINDS}
        summary.documents = {**found, "failed": failed}
        summary.deleted_why = +stats.deleted_why

    def estimate(self) -> Estimate:
        """Passages and seconds of the run: those measured, in proportion to the bytes of each kind.

        Files that gave no document count in the proportion: of those that were not read, as many give none.
        """
        kinds: dict[str, tuple[int, int]] = {}
        size: Counter[str] = Counter()
        for file in self._files:
            key = file.source, file.name
            reader = self._reader(file)
            size[reader] += 0 if key in self._unseen else file.size
            if key not in self.fruitless:
                n, total = kinds.get(reader, (0, 0))
                kinds[reader] = n + 1, total + file.size
        passages, reused, seconds = (
            self._counts.of_all(name, size) for name in (PASSAGES, REUSED, SECONDS)
        )
        for_text = self._encoding_seconds()
        about = self.documents.about
        whole = len(self.details) == len(self._files)
        return Estimate(
            kinds=dict(sorted(kinds.items())),
            passages=round(passages - reused),
            seconds=(
                None if for_text is None else round(seconds + (passages - reused) * for_text, 1)
            ),
            reused=round(reused),
            measured=len(self.details),
            about=tuple(kind for kind in KINDS if kind in about),
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
                end_if_stopped(self._progress)
                part = self._texts[done : done + TEXTS_PER_CALL]
                encoder.encode(part)
                done += len(part)
                self._progress.advance(len(part))
            return (time.perf_counter() - began) / done
        except (EncodingError, ModelUnavailable):
            return None
        finally:
            model.release()


def end_if_stopped(progress: Progress) -> None:
    """Raise KeyboardInterrupt if the run is to stop."""
    if progress.stop():
        raise KeyboardInterrupt
