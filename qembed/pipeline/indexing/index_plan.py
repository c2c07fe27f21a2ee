"""Plan of an indexing run: recipe, model and changes, decided before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import NoIndex
from qembed.models import takes_task
from qembed.pipeline.indexing.deletion.damaged import DamagedDocuments
from qembed.pipeline.indexing.deletion.emptied import emptied_sources
from qembed.pipeline.indexing.deletion.repaired import refuse_cut
from qembed.pipeline.indexing.encoding.encoder_source import open_model_with_dim
from qembed.pipeline.indexing.encoding.model_choice import (
    SETTING,
    ModelChoice,
    ScriptCount,
    choose_model,
    sample_files,
)
from qembed.pipeline.indexing.manifest_fields import ManifestFields
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.pictures.options import left_out_reason, reading_of, settle_pictures
from qembed.pipeline.indexing.plan import Key, SourceChanges
from qembed.pipeline.indexing.sources import Sources
from qembed.pipeline.locate import (
    AUTO_MODEL,
    DEFAULT_MODEL,
    describe_unused_model,
    first_model,
    own_name,
)
from qembed.pipeline.progress import Progress, StageTimer, never
from qembed.pipeline.recipe import (
    check_model,
    check_recipe_options,
    check_similarity,
    inherit_options,
    make_recipe,
    opening_remembered,
    relocated_model,
)
from qembed.pipeline.source_options import SHARED, STDIN, FilePlaces, read_options
from qembed.store import Catalog, FileState, Manifest, Snapshot
from qembed.store.manifest import REBUILD, TUNED_SETTING, interrupted_rebuild
from qembed.store.repair import RepairPlan
from qembed.types import Recipe

if TYPE_CHECKING:
    from qembed.corpus import ReadOptions
    from qembed.models import Model
    from qembed.pipeline.indexing.summary import Forgotten


@dataclass
class RecipeChange:
    """Recipe and model of an index after a run, and how it gets from the present ones to them.

    `spec`: of the model; `moved_from`: its spec before, if `--model` names a new place of the same model.
    `rebuild`: encode everything beside the present generation. `truncate`: cut the stored vectors to
    `recipe.dim` dimensions first. `stop`: polled while a server is given time. `automatic`: the documents
    are to choose between this model and another.
    """

    recipe: Recipe
    spec: str
    opened: Model | None = None
    rebuild: bool = False
    truncate: bool = False
    moved_from: str | None = None
    stop: Callable[[], bool] = never
    automatic: bool = False

    @cached_property
    def model(self) -> Model:
        """Model, opened without its weights."""
        if self.opened is not None:
            return self.opened
        with opening_remembered(self.spec):
            return open_model_with_dim(self.spec, self.recipe.dim, self.stop)


@dataclass
class IndexPlan:
    """Decisions of an indexing run.

    `present`: the manifest of the index, None for a new one. `snapshot`: the generation that is continued,
    None if there is none: the present one, or that of an interrupted rebuild. `catalog`: its documents,
    grouped by file; `damaged`: those that are repaired. `settings`: of the manifest. `choice`: the model that
    the documents of a first index chose, None if it was named.
    """

    target: RecipeChange
    present: Manifest | None
    snapshot: Snapshot | None
    catalog: Catalog
    damaged: DamagedDocuments
    sources: Sources
    changes: SourceChanges
    settings: Mapping[str, Any] = field(default_factory=dict)
    choice: ModelChoice | None = None

    def choose(self, options: IndexOptions, count: ScriptCount) -> None:
        """Set the model of a first index by a sample of its documents. Raises as `plan_recipe`."""
        choice = choose_model(count)
        if choice.spec != self.target.spec:
            named = replace(options, recipe=options.recipe._replace(model=choice.spec))
            self.target = plan_recipe(None, named)
        self.target.automatic = False
        self.choice = choice
        self.settings = {**self.settings, SETTING: choice.setting()}

    def read_options(self, path: str) -> ReadOptions:
        """Options that the files of a source are read with."""
        pictures = reading_of(self.target.recipe, self.settings)
        return read_options(self.sources.by_path[path])._replace(pictures=pictures)

    def model_facts(self) -> dict[str, Any]:
        """The model's spec, and why it was chosen; None for one that was named."""
        chosen = self.settings.get(SETTING) or {}
        why = chosen.get("why") if chosen.get("spec") == self.target.spec else None
        return {"spec": self.target.spec, "why": why}

    @cached_property
    def places(self) -> FilePlaces:
        """Full paths of the sources' files."""
        return FilePlaces(self.sources.root)

    @property
    def has_work(self) -> bool:
        """True if documents are to be read, deleted or reported."""
        changes, sources = self.changes, self.sources
        is_new = self.target.rebuild or self.snapshot is None or self.damaged.former is not None
        return bool(changes.read or changes.gone or sources.stdin or sources.unlisted or is_new)

    @property
    def files(self) -> Mapping[Key, FileState]:
        """Files of the catalog."""
        return self.catalog.files()

    @property
    def reads_files(self) -> bool:
        """True for a run over files, or of an index without."""
        return bool(self.sources.scan) or all(s.path == STDIN for s in self.sources.all)

    def documents_in(self, keys: list[Key]) -> int:
        """Number of documents in the given files of the catalog."""
        if len(keys) == len(self.files):
            return len(self.catalog)
        return sum(self.files[k].stop - self.files[k].start for k in keys)

    def emptied_sources(self, made: Callable[[], Snapshot]) -> dict[str, int]:
        """Sources that have no documents after the run, which has `made()`: their numbers before."""
        with made() as snapshot:
            return emptied_sources(self.sources, {*snapshot.catalog.columns("source")["source"]})

    def forgotten(
        self, files: Callable[[], Mapping[Key, FileState]] | None = None
    ) -> list[Forgotten]:
        """Settings of sources that do not hold any more. `files()`: of the index after the run."""
        pictures = self.sources.pictures
        return self.sources.forgotten.summarise(self.changes.read, self.files, pictures, files)

    def manifest_fields(
        self, probes: Mapping[str, str], versions: Mapping[str, str]
    ) -> ManifestFields:
        """Manifest fields of the run, with the given probe vectors and library versions."""
        failed = self.sources.unscanned_failures()
        sources, read = self.sources.all, len(self.sources.scan)
        files = sum(s.path != STDIN for s in sources)
        begun = self.snapshot.manifest if self.snapshot is not None else None
        before = begun is not None and begun.unfinished and read < files
        return ManifestFields(
            sources,
            self.settings,
            probes,
            versions,
            failed,
            self.reads_files,
            before,
            begun,
            frozenset(s.path for s in sources) - {s.path for s in self.sources.scan},
            self.sources.options.tells,
        )

    def close(self) -> None:
        """Close the snapshot."""
        if self.snapshot is not None:
            self.snapshot.close()


def plan_index(
    root: Path,
    options: IndexOptions,
    timer: StageTimer | None = None,
    progress: Progress | None = None,
    repair: RepairPlan | None = None,
) -> IndexPlan:
    """Plan an indexing run of the index at `root`. Writes nothing.

    `repair`: what of the present generation is damaged.
    The stage "scan" of `timer` gets the time of the walk, `progress` is told of its files and may stop the
    wait for a server (KeyboardInterrupt). Raises NoIndex if there are neither an index nor paths, UsageError
    for a path that does not exist and options out of range, RecipeMismatch for options that differ from the
    index's recipe, ModelUnavailable.
    """
    progress, repair = progress or Progress(), repair or RepairPlan()
    try:
        snapshot: Snapshot | None = repair.open(root)
    except NoIndex:
        if not options.paths:
            raise
        snapshot = None
    present = snapshot.manifest if snapshot is not None else None
    if present and not options.recipe.model and (line := describe_unused_model(present.spec)):
        progress.say(line)
    try:
        options, settings = settle_pictures(options, present)
        catalog = (snapshot.catalog if snapshot is not None else Catalog()).grouped()
        damaged = DamagedDocuments(catalog, repair, present)
        sources = Sources(root, present, options, damaged)
        target = plan_recipe(present, options, progress.stop)
        refuse_cut(repair, target.truncate)
        sources.pictures = left_out_reason(target.recipe, settings, target.opened, present)
        replaced = None
        if target.rebuild and snapshot is not None:
            replaced = catalog.files()
            snapshot.close()
            begun = interrupted_rebuild(root, target.recipe)
            snapshot = None if begun is None else Snapshot.open(root, REBUILD)
            catalog = (snapshot.catalog if snapshot is not None else Catalog()).grouped()
            damaged = DamagedDocuments(catalog, repair, present)
        with (timer if timer is not None else StageTimer())("scan"):
            changes = sources.changes(catalog, replaced, progress)
    except BaseException:
        if snapshot is not None:
            snapshot.close()
        raise
    if sources.shared:
        settings[SHARED] = sources.shared
    if options.task is not None:
        settings["task"] = options.task.strip()
    if present is not None and target.rebuild and present.recipe.model != target.recipe.model:
        settings.pop(TUNED_SETTING, None)
    plan = IndexPlan(target, present, snapshot, catalog, damaged, sources, changes, settings)
    if target.automatic and (changes.read or not sources.stdin):
        count = ScriptCount()
        sample_files(changes.read, sources, count)
        plan.choose(options, count)
    if options.task is not None and not takes_task(plan.target.model.profile, options.task):
        progress.say(f"warning: --task changes nothing: {plan.target.model.name} takes no task")
    return plan


def plan_recipe(
    present: Manifest | None, options: IndexOptions, stop: Callable[[], bool] = never
) -> RecipeChange:
    """Choose the recipe of a run and check it against the present one. Raises what `plan_index` raises."""
    wanted = options.recipe
    if present is not None and wanted.model == AUTO_MODEL:
        wanted = wanted._replace(model=None)  # chosen once, for the first index
    own = "" if present is None or options.rebuild else present.spec
    if wanted.model and wanted.model != own:
        wanted = wanted._replace(model=own_name(wanted.model, own))
    if present is None or options.rebuild:
        if present is not None:
            wanted = inherit_options(wanted, present)
        spec = own_name(first_model(wanted.model))
        if automatic := spec == AUTO_MODEL:
            spec = DEFAULT_MODEL  # until the documents are looked at
        model = open_model_with_dim(spec, wanted.dim, stop)
        if present is None or present.recipe.revision != model.revision:
            check_similarity(model)
        recipe = make_recipe(model, wanted)
        return RecipeChange(recipe, spec, model, present is not None, automatic=automatic)
    change = RecipeChange(present.recipe, present.spec, stop=stop)
    if (relocated := relocated_model(present, wanted.model, stop)) is not None:
        change = RecipeChange(present.recipe, relocated.spec, relocated, moved_from=present.spec)
    if wanted.dim is None or wanted.dim >= present.recipe.dim:
        check_recipe_options(present.recipe, change.spec, wanted)
        return change
    check_recipe_options(present.recipe, change.spec, wanted._replace(dim=None))
    model = open_model_with_dim(change.spec, wanted.dim, stop)
    check_model(replace(present.recipe, dim=wanted.dim), model)
    kept = inherit_options(wanted, replace(present, spec=change.spec))
    now = present.recipe  # the passages stay as they are
    recipe = replace(make_recipe(model, kept), version=now.version, images=now.images)
    return replace(change, recipe=recipe, opened=model, truncate=True)
