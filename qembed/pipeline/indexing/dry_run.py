"""`qembed index --dry-run`: what a run would do, by sizes and times. Takes no lock and writes nothing."""

from __future__ import annotations

import time
from pathlib import Path

from qembed.corpus import read, reader_of
from qembed.errors import NoIndex
from qembed.models import Model
from qembed.pipeline.indexing.chunking import cutting, model_cut
from qembed.pipeline.indexing.options import KINDS, Detail, IndexOptions, IndexSummary
from qembed.pipeline.indexing.plan import SourceChanges
from qembed.pipeline.indexing.sources import Sources, read_options
from qembed.pipeline.locate import model_spec
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import (
    check_recipe_options,
    inherit_options,
    make_recipe,
    relocated_model,
)
from qembed.store import Catalog, Snapshot
from qembed.types import LeftOut, Recipe, Unreadable


def rehearse(root: Path, options: IndexOptions, progress: Progress) -> IndexSummary:
    """The plan. Reads documents only for details. Raises what a run would for these options."""
    try:
        snapshot = Snapshot.open(root)
    except NoIndex:
        if not options.paths:
            raise
        snapshot = None
    try:
        return _rehearse(root, options, progress, snapshot)
    finally:
        if snapshot is not None:
            snapshot.close()


def _rehearse(
    root: Path, options: IndexOptions, progress: Progress, snapshot: Snapshot | None
) -> IndexSummary:
    began = time.perf_counter()
    present = snapshot.manifest if snapshot else None
    sources = Sources(root, present, options)
    wishes = options.recipe
    model: Model | None = None
    if present is None or options.rebuild:
        wishes = inherit_options(wishes, present) if present else wishes
        spec = model_spec(wishes.model)
        model = model_cut(spec, wishes.dim)
        recipe, catalog = make_recipe(model, wishes), Catalog()
    else:
        new = relocated_model(present, wishes.model)
        spec = present.spec if new is None else new.spec
        check_recipe_options(present.recipe, spec, wishes)
        assert snapshot is not None
        recipe, catalog = present.recipe, snapshot.catalog.grouped()
    plan = sources.plan(catalog)
    files = catalog.files()
    would = {
        "add": [f.name for f in plan.read if (f.source, f.name) not in files],
        "read": [f.name for f in plan.read if (f.source, f.name) in files],
        "delete": [name for _, name in plan.gone],
    }
    documents = dict.fromkeys(KINDS, 0)
    documents["added"] = len(would["add"])
    documents["changed"] = len(would["read"])
    for kind, keys in (("unchanged", plan.unchanged), ("deleted", plan.gone)):
        documents[kind] = sum(files[k].stop - files[k].start for k in keys)
    documents["failed"] = len(sources.trouble)
    passages = dict.fromkeys(("total", "encoded", "reused", "truncated"), 0)
    passages["total"] = present.counts.get("passages", 0) if present else 0
    details: list[Detail] = []
    if options.detail:
        details = _details(plan, sources, model or model_cut(spec, recipe.dim), recipe, progress)
    return IndexSummary(
        index=root,
        generation=present.generation if present else 0,
        recipe=recipe,
        documents=documents,
        passages=passages,
        failed=[u for _, u in sources.trouble],
        skipped=sources.skipped,
        suffixes=sources.suffixes,
        skipped_files=sorted(sources.skipped_files),
        seconds={"total": time.perf_counter() - began},
        dry_run=True,
        would=would,
        details=details,
    )


def _details(
    plan: SourceChanges, sources: Sources, model: Model, recipe: Recipe, progress: Progress
) -> list[Detail]:
    """How each file of the plan would be read and cut: reads them, encodes nothing."""
    chunker, _ = cutting(model, recipe)
    found = []
    for file in plan.read:
        if progress.stop():
            break
        documents = passages = 0
        problems = []
        for item in read(file, read_options(sources.by_path[file.source])):
            if isinstance(item, Unreadable):
                problems.append(item.error if item.line is None else f"{item.line}: {item.error}")
                continue
            if isinstance(item, LeftOut):
                problems.append(f"left out: {item.count:,} × {item.what}")
                continue
            documents += 1
            passages += len(chunker.split(item))
        kind = chunker.kind_of(file.name)
        if lacking := chunker.lacks(file.name):
            problems.append(lacking)
        reader = reader_of(file.name).__name__.removeprefix("read_")
        found.append(Detail(file.name, reader, kind, documents, passages, problems[:3]))
    return found
