"""`qembed index`: from sources to a committed generation.

plan -> create, relocate or truncate -> ingest and commit -> compact -> derived files
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from qembed.errors import InputError
from qembed.paths import ENCODED
from qembed.pipeline.indexing.deletion.repaired import check_index, end_repair
from qembed.pipeline.indexing.derived.graph_ahead import GraphAhead
from qembed.pipeline.indexing.derived.update import update_derived
from qembed.pipeline.indexing.index_plan import IndexPlan, plan_index
from qembed.pipeline.indexing.manifest_fields import ManifestFields
from qembed.pipeline.indexing.options import LOCAL, IndexOptions
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.stored_records import given_records
from qembed.pipeline.indexing.summary import IndexStats, IndexSummary
from qembed.pipeline.progress import Progress
from qembed.pipeline.sequences.files import checked, model_note, read_items
from qembed.pipeline.source_options import STDIN
from qembed.pipeline.unfinished import noted_as_begun
from qembed.store import FileState, Writer
from qembed.store import manifest as manifests
from qembed.store.compaction import maintain
from qembed.store.index_folder import remove_empty_index
from qembed.store.manifest import TUNED_SETTING
from qembed.types import ReadItem, SourceFile

if TYPE_CHECKING:
    from qembed.models import Model
    from qembed.pipeline.indexing.distributed.encoded_ahead import EncodedAhead
    from qembed.pipeline.indexing.encoding.run_progress import RunProgress
    from qembed.pipeline.indexing.ingest import Ingest

STDIN_FILE = SourceFile(STDIN, STDIN, Path(STDIN), 0, 0)
"""File name under which records without a source are stored."""


def build(
    root: Path,
    options: IndexOptions,
    progress: Progress | None = None,
    stdin: BinaryIO | None = None,
    documents: Iterable[ReadItem] | None = None,
) -> IndexSummary:
    """Make or refresh the index at `root`.

    The source `-` stands for `documents`, if they are given, else for the JSON lines of `stdin`. Raises
    UsageError, RecipeMismatch, IndexLocked, StorageError, ModelUnavailable; with `strict` an InputError
    for the first input that cannot be read; KeyboardInterrupt when `progress` is to stop while it waits for
    another writer.
    """
    progress = progress or Progress()
    if options.dry_run:
        from qembed.pipeline.indexing.dry_run import dry_run

        return dry_run(root, options, progress)
    if not options.paths:
        manifests.require_index(root)
    with Writer(root, options.wait, progress.stop) as writer, GraphAhead(options.graph) as graph:
        try:
            return _Run(writer, graph, options, progress).perform(stdin, documents)
        finally:
            remove_empty_index(root)


class _Run:
    """Run under the writer's lock."""

    def __init__(
        self, writer: Writer, graph: GraphAhead, options: IndexOptions, progress: Progress
    ) -> None:
        self.writer = writer
        self.graph = graph
        self.options = options
        self.progress = progress
        self.stats = IndexStats()
        self.refused: str | None = None
        self.fields: ManifestFields
        self.ahead: EncodedAhead | None = None
        self.began = time.perf_counter()

    def perform(self, stdin: BinaryIO | None, documents: Iterable[ReadItem] | None) -> IndexSummary:
        """Run, and return the summary."""
        repair = check_index(self.writer, self.options, self.stats)
        self.progress.phase("scan", "files", None)
        seconds = self.stats.seconds
        plan = plan_index(self.writer.root, self.options, seconds, self.progress, repair)
        for line in repair.messages:
            self.progress.say(line)
        self.stats.skipped = plan.sources.skipped
        with contextlib.closing(plan):
            records = given_records(plan, stdin, documents)
            if plan.target.automatic:
                from qembed.pipeline.indexing.encoding.model_choice import (
                    ScriptCount,
                    sample_records,
                )

                count = ScriptCount()
                records = sample_records(records, count)
                plan.choose(self.options, count)
            if plan.choice is not None and plan.choice.advice:
                self.progress.say(plan.choice.advice)
            if plan.present is None and not plan.changes.read and not plan.sources.stdin:
                plan.sources.refuse_empty()
            self._change_recipe(plan)
            if plan.changes.read and (note := model_note(plan.target.model, plan.target.recipe)):
                self.progress.say(note)
            stopped = False
            plan.sources.on_pages.begin()
            if plan.has_work:
                with noted_as_begun(self.writer, plan.target.rebuild, plan.reads_files):
                    stopped = self._ingest(plan, records)
            else:
                present = self.writer.present
                self.fields = plan.manifest_fields(present.probes, present.versions)
                self.writer.note(**self.fields.values(self.stats, finished=True))
            unchanged = plan.changes.unchanged  # damaged ones among them could not be read again
            n = plan.documents_in(unchanged) - plan.damaged.count(unchanged)
            self.stats.documents["unchanged"] += n
        if not stopped and self.writer.present.documents is None:
            plan.sources.refuse_empty()
        if not stopped and plan.target.rebuild:
            assert plan.sources.replaced is not None
            with self.writer.open_present() as made:
                plan.sources.replaced.settle(made, plan.sources, plan.changes.gone, self.stats)
            self.refused = self._refusal()
        if not stopped and self.refused is None:
            self.writer.finish_rebuild()
            plan.sources.on_pages.finish()
            end_repair(self.writer, self.options, repair, self.stats, self.progress)
            self._maintain(plan.target.model)
            shutil.rmtree(self.writer.root / ENCODED, ignore_errors=True)  # all of it is taken
            stopped = self.progress.stop()  # what is derived may then be incomplete
        return self._summary(plan, stopped)

    def _change_recipe(self, plan: IndexPlan) -> None:
        """Create the index, begin its rebuild, or change the present generation, as planned."""
        target = plan.target
        if plan.present is None:
            self.writer.create(target.recipe, target.spec)
        elif target.rebuild:
            self.writer.begin_rebuild(target.recipe, target.spec)
            if plan.present.tuned and TUNED_SETTING not in plan.settings:
                self.progress.say(
                    "what qembed tune chose was for the model before, and is dropped (tune again)"
                )
        if target.moved_from is not None:
            name, spec = target.model.name, target.spec
            self.progress.say(f"{name} is at {spec} now, it was at {target.moved_from}")
            self.writer.note(spec=spec)
        if target.truncate:
            old, new = self.writer.present.recipe.dim, target.recipe.dim
            self.progress.say(f"cutting the stored vectors from {old} to {new} dimensions")
            from qembed.store.truncate_dims import truncate_index

            with self.stats.seconds("cut"):
                truncate_index(self.writer, target.recipe)

    def _refusal(self) -> str | None:
        """Reason against the rebuild, which is dropped then."""
        with self.writer.open_present() as made:
            refused = self.options.refuse(made, [u for _, u in self.stats.failed])
        if refused is not None:
            self.writer.drop_rebuild()
        return refused

    # ── documents ────────────────────────────────────────────────────────────────────────────────

    def _ingest(self, plan: IndexPlan, records: Iterable[ReadItem]) -> bool:
        """Index the planned changes and commit. Returns True if the run was stopped before their end."""
        # a run without changes pays for none of these
        from qembed.pipeline.indexing.committer import Committer
        from qembed.pipeline.indexing.encoding.batch import BatchEncoder
        from qembed.pipeline.indexing.encoding.encoder_source import EncoderSource
        from qembed.pipeline.indexing.encoding.library_versions import library_versions
        from qembed.pipeline.indexing.encoding.run_progress import RunProgress
        from qembed.pipeline.indexing.encoding.vectorizer import Vectorizer
        from qembed.pipeline.indexing.ingest import Ingest
        from qembed.pipeline.passage_builder import PassageBuilder

        recipe, model = plan.target.recipe, plan.target.model
        progress, stats, probes = self.progress, self.stats, self.writer.present.probes
        source = EncoderSource(model, recipe, probes, progress, stats.seconds)
        fields = self.fields = plan.manifest_fields(source.probes(), library_versions())
        builder = PassageBuilder(model, recipe)
        if self.options.engine != LOCAL:  # before the time of commits begins to run
            from qembed.pipeline.indexing.distributed.encode_ahead import encode_ahead

            with stats.seconds("cluster"):
                self.ahead = encode_ahead(plan, self.options, self.writer.root, source, progress)
            builder = self.ahead.builder(model, recipe)
        # of a rebuild the words follow at its end: until then the present index answers
        is_rebuild, policy, damaged = plan.target.rebuild, self.options.commits, plan.damaged
        with_words = not is_rebuild and not damaged.is_any
        batches, files = self.options.batches, plan.changes.read
        counts = RunProgress(progress, len(files), sum(f.size for f in files))
        follow = partial(self.graph.follow, self.writer, counts)
        committer = Committer(self.writer, fields, policy, stats, follow, with_words=with_words)
        vectorizer = Vectorizer(
            source, recipe.dim, batches.texts_per_call, counts, self.writer.root
        )
        snapshot = self.writer.snapshot() if plan.target.truncate else plan.snapshot
        if snapshot is not None:
            vectorizer.use_snapshot(snapshot, snapshot.manifest.base)
        if self.ahead is not None:
            vectorizer.use_ahead(self.ahead.take)
        encoder = BatchEncoder(self.writer, vectorizer, batches, stats)
        guard = None if is_rebuild else plan.sources.guard
        first = plan.present is None
        ingest = Ingest(
            committer, snapshot, guard, builder, encoder, stats, counts, damaged, is_first=first
        )
        with contextlib.closing(ingest):
            stats.add_unreadable(plan.sources.unlisted)
            gone = {key: plan.sources.absent[key] for key in plan.changes.gone}
            ingest.delete_files(gone, plan.sources.taken_over)
            self._read(ingest, plan, records, counts)
            ingest.finish()
        vectorizer.release()  # derived files need the memory
        return ingest.stopped

    def _read(
        self, ingest: Ingest, plan: IndexPlan, records: Iterable[ReadItem], counts: RunProgress
    ) -> None:
        """Ingest the files to read, then the records without a source."""
        from qembed.pipeline.indexing.encoding.model_choice import (
            SETTING,
            ScriptCount,
            changed_picture,
        )
        from qembed.pipeline.indexing.stored_records import name_by_content, stored_records

        began = time.perf_counter()
        new = ScriptCount()
        watched = plan.choice is None and SETTING in plan.settings
        for file in plan.changes.read:
            self._check_strict()
            if self.progress.stop():
                ingest.stopped = True
                break
            source = plan.sources.by_path[file.source]
            items = read_items(file, plan.read_options(file.source), plan.target.recipe)
            if self.ahead is not None:
                items = self.ahead.without_lost(items, source.meta, os.fspath(file.location))
            ingest.add_file(file, new.through(items) if watched else items, source.meta)
            counts.file_read(file.size)
        if plan.sources.stdin and not ingest.stopped:
            meta = plan.sources.by_path[STDIN].meta
            items = name_by_content(new.through(records) if watched else records, STDIN)
            items = (checked(item, plan.target.recipe, STDIN) for item in items)
            first = tuple(islice(items, 1))
            ingest.stopped = self.progress.stop()
            if not first and not ingest.stopped:
                self.progress.say("stdin is empty")
            ingest.add_file(STDIN_FILE, chain(first, items), meta, complete=False)
        if self.options.rebuild and not ingest.stopped:
            kept = (d for d in stored_records(self.writer.root) if not ingest.has(d.id))
            ingest.add_file(STDIN_FILE, kept, {}, complete=False)
        ingest.flush()
        self._check_strict()
        if line := changed_picture(plan.target.spec, new):
            self.progress.say(line)
        seconds = self.stats.seconds
        seconds["read"] = time.perf_counter() - began - seconds["encode"] - seconds["write"]

    def _check_strict(self) -> None:
        if self.options.strict and self.stats.failed:
            raise InputError(
                "an input could not be read, and --strict was given (what was committed stays):",
                [str(u) for _, u in self.stats.failed],
            )

    # ── after the last document ──────────────────────────────────────────────────────────────────

    def _maintain(self, model: Model) -> None:
        """Compact or merge the shards if that is due, and bring the derived files up to date."""
        with self.writer.open_present() as snapshot:
            maintain(self.writer, snapshot, self.options.compaction)
        with self.writer.open_present() as snapshot, self.stats.seconds("derive"):
            update_derived(
                snapshot,
                self.progress,
                self.options.graph,
                repair=self.options.repair,
                tokenizer=model.tokenizer,
                ahead=self.graph,
            )

    def _summary(self, plan: IndexPlan, stopped: bool) -> IndexSummary:
        self.stats.seconds.end(time.perf_counter() - self.began)
        is_less = self.stats.documents["deleted"] > 0 and not stopped
        return IndexSummary.of_run(
            self.writer.root,
            self.writer.present,
            self.stats,
            model=plan.model_facts(),
            interrupted=stopped,
            is_news=self.fields.is_news(self.stats),
            filters=plan.sources.filters(),
            refused=self.refused,
            emptied_sources=plan.emptied_sources(self.writer.open_present) if is_less else {},
            forgotten=plan.forgotten(self._files),
        )

    def _files(self) -> Mapping[Key, FileState]:
        with self.writer.open_present() as snapshot:
            return snapshot.catalog.grouped().files()
