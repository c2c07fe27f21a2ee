"""`qembed index`: sources to a committed generation."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from qembed.corpus import read, read_lines
from qembed.errors import InputError, NoIndex, UsageError
from qembed.models import Model, open_model
from qembed.models.environment import version
from qembed.pipeline.indexing.chunking import cutting, model_cut
from qembed.pipeline.indexing.dry_run import rehearse
from qembed.pipeline.indexing.encode import Vectorizer
from qembed.pipeline.indexing.ingest import IndexStats, Ingest
from qembed.pipeline.indexing.options import KINDS, IndexOptions, IndexSummary
from qembed.pipeline.indexing.plan import SourceChanges
from qembed.pipeline.indexing.sources import STDIN, Sources, read_options
from qembed.pipeline.indexing.stored_records import by_content, stored_records
from qembed.pipeline.indexing.update_derived import derive
from qembed.pipeline.locate import model_spec
from qembed.pipeline.progress import Progress, StageTimer
from qembed.pipeline.recipe import (
    check_model,
    check_probes,
    check_recipe_options,
    inherit_options,
    make_recipe,
    relocated_model,
)
from qembed.store import Catalog, Manifest, Snapshot, Writer
from qembed.store import manifest as manifests
from qembed.store.compaction import maintain
from qembed.store.repair import repair
from qembed.store.truncate_dims import truncate_index
from qembed.types import Encoder, Recipe, SourceFile


def build(
    root: Path,
    options: IndexOptions,
    progress: Progress | None = None,
    stdin: BinaryIO | None = None,
) -> IndexSummary:
    """Makes or refreshes the index at `root`.

    Raises UsageError, RecipeMismatch, IndexLocked, StorageError, ModelUnavailable; with `strict` an
    InputError for the first input that cannot be read.
    """
    progress = progress or Progress()
    if options.dry_run:
        return rehearse(root, options, progress)
    return _Build(root, options, progress, stdin).perform()


class _Build:
    """One run. Its parts in order: recipe, sources, plan, documents, commit, house-keeping."""

    def __init__(
        self, root: Path, options: IndexOptions, progress: Progress, stdin: BinaryIO | None
    ) -> None:
        self.root = root
        self.options = options
        self.progress = progress
        self.stdin = stdin
        self.seconds = StageTimer()
        self.began = time.perf_counter()
        self.spec = ""
        self.settings: dict[str, Any] = {}
        self.versions: Mapping[str, str] = {}
        self.probes: Mapping[str, str] = {}
        self.sources: Sources
        self.ingest: Ingest | None = None
        self._model: Model | None = None
        self._held = contextlib.ExitStack()

    # ── the run ──────────────────────────────────────────────────────────────────────────────────

    def perform(self) -> IndexSummary:
        """Does it."""
        if not self.options.paths and not (self.root / manifests.MANIFEST).exists():
            raise NoIndex(f"no index at {self.root}, and no PATH to make one of")
        with Writer(self.root, self.options.wait) as writer:
            try:
                with self._held:
                    return self._write(writer)
            finally:
                _take_back(self.root)

    def _write(self, writer: Writer) -> IndexSummary:
        if self.options.repair:
            for line in repair(writer):
                self.progress.say(line)
        present = writer.manifest
        self.sources = Sources(self.root, present, self.options)
        self.settings = dict(present.settings) if present is not None else {}
        self.versions = present.versions if present is not None else {}
        if self.options.task is not None:
            self.settings["task"] = self.options.task
        recipe = self._begin(writer)
        snapshot = self._hold(writer.snapshot())
        catalog = (snapshot.catalog if snapshot else Catalog()).grouped()
        with self.seconds("scan"):
            plan = self.sources.plan(catalog)
        if present is None and not plan.read and not self.sources.stdin:
            self._refuse_nothing()
        tally, stopped = IndexStats(), False
        due = plan.read or plan.gone or self.sources.stdin or self.sources.trouble
        if due or self.options.rebuild or not snapshot:
            ingest = self._take(writer, snapshot, plan, recipe)
            tally, stopped = ingest.tally, ingest.stopped
            if ingest.changed or snapshot is None:
                ingest.commit()
            snapshot = self._hold(ingest.snapshot)
            self._release(ingest)
        files = catalog.files()
        still = len(plan.unchanged) == len(files)
        tally.documents["unchanged"] += (
            len(catalog) if still else sum(files[k].stop - files[k].start for k in plan.unchanged)
        )
        writer.note(**self._fields())
        assert snapshot is not None
        if not stopped:
            writer.finish_rebuild()
            snapshot = self._maintain(writer, snapshot)
            with self.seconds("derive"):
                derive(snapshot, self.progress, mend=self.options.repair)
            stopped = (
                self.progress.stop()
            )  # all is committed, some of what is derived may be missing
        return self._summary(writer, recipe, tally, stopped)

    def _begin(self, writer: Writer) -> Recipe:
        """Chooses the recipe and what is written to."""
        present, wishes = writer.manifest, self.options.recipe
        if present is not None and not self.options.rebuild:
            present = self._followed(writer, present)
            if wishes.dim is not None and wishes.dim < present.recipe.dim:
                present = self._cut(writer, present, wishes.dim)
            check_recipe_options(present.recipe, present.spec, wishes)
            self.spec, self.probes = present.spec, present.probes
            return present.recipe
        if present is not None:  # what was not said stays as it was
            wishes = inherit_options(wishes, present)
        self.spec = model_spec(wishes.model)
        recipe = make_recipe(self.model(wishes.dim), wishes)
        if present is None:
            writer.create(recipe, self.spec)
        else:
            writer.begin_rebuild(recipe, self.spec)
        assert writer.manifest is not None
        self.probes = writer.manifest.probes
        return recipe

    def _followed(self, writer: Writer, present: Manifest) -> Manifest:
        """The manifest, with the model's new place if `--model` says that it has moved."""
        model = relocated_model(present, self.options.recipe.model)
        if model is None:
            return present
        self.progress.say(f"{model.name} is at {model.spec} now, it was at {present.spec}")
        return writer.note(spec=model.spec)

    def _cut(self, writer: Writer, present: Manifest, dim: int) -> Manifest:
        """Fewer dimensions, from the stored vectors. Raises UsageError if the model does not allow it."""
        wishes = self.options.recipe
        check_recipe_options(present.recipe, present.spec, replace(wishes, dim=None))
        shorter = open_model(present.spec, dim=dim)
        check_model(replace(present.recipe, dim=dim), shorter)
        self.progress.say(
            f"cutting the stored vectors from {present.recipe.dim} to {dim} dimensions"
        )
        with self.seconds("cut"):
            return truncate_index(writer, make_recipe(shorter, inherit_options(wishes, present)))

    def _take(
        self, writer: Writer, snapshot: Snapshot | None, plan: SourceChanges, recipe: Recipe
    ) -> Ingest:
        """Reads, chunks and encodes what the plan says; the last window is left to the commit."""
        model = self.model(recipe.dim)
        check_model(recipe, model)
        if model.warning:
            self.progress.say(model.warning)

        chunker, render = cutting(model, recipe)
        vectorizer = Vectorizer(
            lambda: self._load(recipe), recipe.dim, model.count, self.progress.stop
        )
        if snapshot is not None:
            vectorizer.learn(snapshot, snapshot.manifest.base)
        self.ingest = ingest = Ingest(
            writer,
            snapshot,
            chunker,
            vectorizer,
            render,
            recipe.max_tokens,
            self._fields,
            self.progress.passages,
        )
        self._held.callback(ingest.close)
        ingest.failed += self.sources.trouble
        ingest.tally.documents["failed"] += len(self.sources.trouble)
        ingest.forget(plan.gone)
        self.progress.files(0, len(plan.read))
        began = time.perf_counter()
        for n, file in enumerate(plan.read, 1):
            self._strict()
            if self.progress.stop():
                ingest.stopped = True
                break
            source = self.sources.by_path[file.source]
            ingest.file(file, read(file, read_options(source)), source.meta)
            self.progress.files(n, len(plan.read))
        if self.sources.stdin and self.stdin is not None and not ingest.stopped:
            source = self.sources.by_path[STDIN]
            here = SourceFile(STDIN, STDIN, Path(STDIN), 0, 0)
            lines = read_lines(self.stdin, STDIN, read_options(source))
            ingest.file(here, by_content(lines, STDIN), source.meta, whole=False)
        if self.options.rebuild and not ingest.stopped:
            here = SourceFile(STDIN, STDIN, Path(STDIN), 0, 0)
            kept = (d for d in stored_records(self.root) if not ingest.has(d.id))
            ingest.file(here, kept, {}, whole=False)
        ingest.flush()
        self._strict()
        took = time.perf_counter() - began
        self.seconds["read"] = took - ingest.tally.seconds["encode"] - ingest.tally.seconds["write"]
        return ingest

    def _strict(self) -> None:
        if self.options.strict and self.ingest is not None and self.ingest.failed:
            raise InputError(
                "an input could not be read, and --strict was given (what was committed stays):",
                [str(u) for _, u in self.ingest.failed],
            )

    def _maintain(self, writer: Writer, snapshot: Snapshot) -> Snapshot:
        """Compact or merge the shards if it is due. Returns the present generation."""
        maintain(writer, snapshot, self.options.compaction)
        present = self._hold(writer.snapshot())
        assert present is not None
        return present

    def _hold(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Lets go of its files when the run ends, however it ends."""
        if snapshot is not None:
            self._held.callback(snapshot.close)
        return snapshot

    # ── parts ────────────────────────────────────────────────────────────────────────────────────

    def model(self, dim: int | None = None) -> Model:
        """The model, opened once; its weights are loaded only when there is something to encode."""
        if self._model is None:
            self._model = model_cut(self.spec, dim)
        return self._model

    def _release(self, ingest: Ingest) -> None:
        """Makes room for what is derived: the weights have done their work."""
        ingest.vectorizer.release()
        if self._model is not None:
            self._model.release()

    def _load(self, recipe: Recipe) -> Encoder:
        """The encoder, held against what it gave for the probe texts when the index was made."""
        model = self.model()
        self.progress.say(f"loading {model.name}")
        with self.seconds("export"):
            model.prepare(self.progress.say, self.progress.stop)
        with self.seconds("load"):
            encoder = model.encoder()
        if note := model.note:
            self.progress.say(note)
        if self.probes:
            check_probes(encoder, self.probes, recipe)
        else:
            vectors = encoder.encode(list(manifests.PROBE_TEXTS))
            self.probes = {"vectors": manifests.pack_vectors(vectors)}
        return encoder

    def _fields(self) -> dict[str, Any]:
        """What the manifest says beside rows and documents."""
        failed = self.ingest.failed if self.ingest is not None else []
        return {
            "sources": self.sources.all,
            "settings": self.settings,
            "failed": self.sources.still_failed(failed),
            "probes": self.probes,
            "refreshed": time.time(),
            "versions": _versions() if self.ingest is not None else self.versions,
        }

    def _refuse_nothing(self) -> None:
        what = ", ".join(s.path for s in self.sources.given)
        if self.sources.trouble:
            errors = [str(u) for _, u in self.sources.trouble]
            raise InputError(f"{what}: nothing could be read", errors)
        seen = ", ".join(f"{n} × {why}" for why, n in self.sources.skipped.most_common(5))
        raise UsageError(f"{what}: no documents there ({'skipped: ' + seen if seen else 'empty'})")

    def _summary(
        self, writer: Writer, recipe: Recipe, tally: IndexStats, stopped: bool
    ) -> IndexSummary:
        assert writer.manifest is not None
        self.seconds.update(tally.seconds)
        self.seconds["total"] = time.perf_counter() - self.began
        return IndexSummary(
            index=self.root,
            generation=writer.manifest.generation,
            recipe=recipe,
            documents={k: tally.documents[k] for k in KINDS},
            passages={
                "total": writer.manifest.counts.get("passages", 0),
                "encoded": tally.encoded,
                "reused": tally.reused,
                "truncated": tally.truncated,
            },
            failed=[u for _, u in self.ingest.failed] if self.ingest is not None else [],
            skipped=self.sources.skipped + (self.ingest.skipped if self.ingest else Counter()),
            suffixes=self.sources.suffixes,
            seconds=self.seconds,
            interrupted=stopped,
            cut_short=tally.cut_short,
            plainly=tally.plainly,
            left_out=tally.left_out,
        )


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    """The libraries that have a say in a vector, without importing any of them."""
    names = ("qembed", "torch", "transformers", "sentence-transformers", "tokenizers")
    return {name: found for name in names if (found := version(name)) is not None}


def _take_back(root: Path) -> None:
    """Removes the folder that a run made before it found that there is nothing to index."""
    if (root / manifests.MANIFEST).exists():
        return
    with contextlib.suppress(OSError):
        (root / "shards").rmdir()
        (root / "derived").rmdir()
        (root / "lock").unlink()
        root.rmdir()
