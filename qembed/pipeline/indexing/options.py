"""Options of `qembed index`: recipe, sources, and the policies of an indexing run."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qembed.errors import UsageError
from qembed.inputs import is_there, is_utf8
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.source_options import STDIN, source_settings, with_codec_name
from qembed.pipeline.unused_settings import without_unused
from qembed.store import Source as Source  # part of IndexOptions: callers build one
from qembed.store.compaction import CompactionPolicy

if TYPE_CHECKING:
    from qembed.store import Snapshot
    from qembed.types import Unreadable


LOCAL = "local"
"""Engine of a run: this process encodes."""


class BatchPolicy(NamedTuple):
    """Sizes of the batches in which passages are encoded.

    A batch has as many passages as are encoded in `seconds`, between `min_passages` and `max_passages`: the
    larger it is, the more of its texts have the same length, and the less is padding. It is encoded early
    when its texts have `max_chars` characters. At first, and as long as that is less, a batch takes
    `first_seconds` or the share `growth` of the seconds spent. `sample` texts of the first batch are encoded
    ahead of it to measure the speed. `texts_per_call`: texts per call of an encoder without a preferred
    batch, which bounds the time until a signal is noticed (about 3 s on a slow CPU).
    """

    min_passages: int = 64
    max_passages: int = 8192
    seconds: float = 30.0
    first_seconds: float = 5.0
    growth: float = 0.1
    max_chars: int = 16 << 20
    sample: int = 32
    texts_per_call: int = 64

    def seconds_after(self, spent: float) -> float:
        """Seconds that a batch is to take, `spent` seconds of encoding after the beginning."""
        return min(self.seconds, max(self.first_seconds, self.growth * spent))


class CommitPolicy(NamedTuple):
    """Thresholds of the commits during a run, which an interrupted run keeps.

    A commit is due after `rows` rows, or `seconds` after the last commit, but not before `cost_factor` times
    the duration of that commit has passed. A run commits early at first, so that its graph can be begun:
    after `first_rows`, or as many as it has committed; after `first_seconds`, or the share `growth` of its
    time so far; as long as these are less than `rows` and `seconds`.
    """

    rows: int = 50_000
    seconds: float = 30.0
    cost_factor: float = 20.0
    first_seconds: float = 10.0
    growth: float = 0.1
    first_rows: int = 20_000

    def is_due(
        self,
        pending: int,
        elapsed: float,
        last_cost: float,
        run: float = math.inf,
        committed: float = math.inf,
    ) -> bool:
        """True if `pending` rows are to be committed, `elapsed` seconds after a commit of `last_cost`.

        `run`: seconds since the run began; `committed`: rows that it has committed.
        """
        seconds = min(self.seconds, max(self.first_seconds, self.growth * run))
        interval = max(seconds, self.cost_factor * last_cost)
        rows = min(self.rows, max(self.first_rows, committed))
        return pending >= rows or (pending > 0 and elapsed > interval)


class GraphPolicy(NamedTuple):
    """Thresholds of extending the HNSW graph after a commit.

    A graph of at most `small_rows` rows is extended after every commit: saving it takes a fraction of a
    second. A larger one may lack the share `lag` of its rows, which search covers exactly. A new one is begun
    during the run that makes the index, once it has committed `ahead_rows` rows, `ahead_pace` a second.
    """

    small_rows: int = 50_000
    lag: float = 0.05
    ahead_rows: int = 20_000
    ahead_pace: float = 500.0

    def is_due(self, rows: int, covered: int) -> bool:
        """True if a graph that covers `covered` of `rows` rows is to be extended."""
        missing = rows - covered
        return missing > 0 and (covered <= self.small_rows or missing > self.lag * covered)


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Options of an indexing run.

    `paths`: sources; empty to refresh the remembered ones; `with_remembered`: both. `source`: how they
    are read. `detail`: a dry run reads and chunks what a run would read, and reports on each file.
    `allow_missing`: a source that does not exist any more loses its documents. `verify_content`: every
    file is read, whatever its size and times. `planned(verb, name, detail)`: told of each file of a dry run,
    as soon as it is known; of a `move` also its name before. `confirm(reason)`: asked before more than half
    of an index is deleted. `refuse(made, failed)`: asked for a reason against a rebuild, by its generation
    and by what could not be read, before it becomes the index; with one it is dropped. `shared`: settings
    of `source` that are the project file's, and go when they are taken out of it; None where that file is
    not read, and what it has set stays. `tells`: the user is told of files that the run leaves out; if not,
    the next run that tells says it. `engine`: `local`, or the cluster that chunks and encodes what files
    hold, `ray` or `ray://HOST:PORT`; `shards`: folder or address where its results lie, which all its
    machines see; None: in the index, through the cluster's own memory. `pictures`: words of the option
    `--pictures`, None without.
    """

    paths: Sequence[str] = ()
    with_remembered: bool = False
    recipe: RecipeOptions = field(default_factory=RecipeOptions)
    source: Source = field(default_factory=lambda: Source(""))
    shared: frozenset[str] | None = None
    task: str | None = None
    pictures: tuple[str, ...] | None = None
    rebuild: bool = False
    repair: bool = False
    strict: bool = False
    wait: float = 0.0
    dry_run: bool = False
    detail: bool = False
    allow_missing: bool = False
    verify_content: bool = False
    engine: str = LOCAL
    shards: str | None = None
    confirm: Callable[[str], bool] = lambda _: False
    refuse: Callable[[Snapshot, Sequence[Unreadable]], str | None] = lambda _made, _failed: None
    tells: bool = True
    planned: Callable[..., None] = lambda *_: None
    batches: BatchPolicy = field(default_factory=BatchPolicy)
    commits: CommitPolicy = field(default_factory=CommitPolicy)
    graph: GraphPolicy = field(default_factory=GraphPolicy)
    compaction: CompactionPolicy = field(default_factory=CompactionPolicy)


def check_engine(engine: str, shards: str | None) -> None:
    """Raise UsageError for an engine that is none or not installed, and a place of shards without one."""
    if engine == LOCAL:
        if shards is not None:
            raise UsageError("--shards goes with --engine ray")
        return
    from qembed.engines.ray.cluster import check_address

    check_address(engine)


def apply_settings(given: Source, remembered: Iterable[Source]) -> list[Source]:
    """Remembered sources with the settings of `given` that are no defaults; empty if all are.

    Records on standard input, the source `-`, are read once, and so have no settings to change.
    """
    default = Source("")
    changes = {
        f.name: getattr(given, f.name)
        for f in fields(Source)
        if getattr(given, f.name) != getattr(default, f.name)
    }
    return [replace(s, **changes) for s in remembered if changes and s.path != "-"]


def without_path(
    source: Source, kept: Mapping[str, Source], old: Mapping[str, Source], named: Iterable[str]
) -> list[Source]:
    """Remembered sources that a run without PATH changes: by the settings of `source` or of the project.

    `kept`: without what was the project file's, by path; `old`: as the index remembers them. `named`: paths
    of those that are settled already.
    """
    others = {p: s for p, s in kept.items() if p not in named}
    changed = apply_settings(source, others.values())
    if not changed and any(s != old[p] for p, s in others.items()):
        changed = [s for s in others.values() if s.path != STDIN]
    return changed


def sources_of_options(
    root: Path,
    options: IndexOptions,
    old: Mapping[str, Source],
    shared: Mapping[str, Iterable[str]],
) -> tuple[list[Source], list[str]]:
    """Sources that a run is given, and lines on settings that have no effect.

    `old`: of the index at `root`, by path; `shared`: names of their settings that were the project file's.
    Raises UsageError as `given_sources`.
    """
    source = with_codec_name(options.source)
    # what the project file has set goes where it does not set it any more
    gone = {} if options.shared is None else shared
    kept = {path: without_shared(s, gone.get(path, ())) for path, s in old.items()}
    remembered = kept if options.with_remembered else {}
    given = given_sources(root, options.paths, source, remembered)
    if options.with_remembered or not given:
        given += without_path(source, kept, old, {s.path for s in given})
    # the project file asks each time: of an old source that is no news
    plain = [
        without_unused(
            s,
            Path(os.path.normpath(root.parent / s.path)),
            (options.shared or ()) if s.path in old else (),
        )
        for s in given
    ]
    return [s for s, _ in plain], [line for _, line in plain if line]


def given_sources(
    root: Path, paths: Sequence[str], source: Source, remembered: Mapping[str, Source]
) -> list[Source]:
    """Sources of paths, each with `source`'s settings, by their paths from the folder of the index at `root`.

    Raises UsageError for paths that are not there or not UTF-8.
    """
    there = {p for p in paths if p == STDIN or (p and is_there(Path(p)))}
    if missing := [p or "''" for p in dict.fromkeys(paths) if p not in there]:
        raise UsageError(f"cannot read {', '.join(missing)}: no such file or folder")
    if odd := [ascii(os.fsencode(p))[1:] for p in sorted(there - {STDIN}) if not is_utf8(p)]:
        raise UsageError(f"{', '.join(odd)}: the path of a source must be UTF-8 (rename it)")
    return [settle_source(source, _relative(root, p), remembered) for p in dict.fromkeys(paths)]


def _relative(root: Path, name: str) -> str:
    """Path relative to the folder of the index, so that both can be moved; else the full path."""
    if name == STDIN:
        return name
    path = Path(os.path.normpath(Path(name).absolute()))
    try:
        return path.relative_to(root.parent).as_posix()
    except ValueError:
        return str(path)


def without_shared(source: Source, names: Iterable[str]) -> Source:
    """A remembered source without the settings of these names, which were the project file's."""
    plain = Source("")
    return replace(source, **{name: getattr(plain, name) for name in names})


def settle_source(given: Source, path: str, remembered: Mapping[str, Source]) -> Source:
    """Source of a path: as it is remembered, with the settings of `given` that are no defaults."""
    return replace(remembered.get(path, Source(path)), **{**source_settings(given), "path": path})
