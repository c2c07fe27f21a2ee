"""Sides of a comparison, as the options name them, and what is to be told of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from qembed.errors import RecipeMismatch, UsageError
from qembed.pipeline.drift.document_times import Since, document_times, parse_since
from qembed.pipeline.drift.index_side import IndexSides, added_since
from qembed.pipeline.drift.new_texts import side_of_path
from qembed.pipeline.drift.side import Side
from qembed.pipeline.progress import Progress, StageTimer
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.text_profile.profile_file import generations, open_profile
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.store import Manifest, Snapshot

DEFAULT_SINCE = "30d"


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """Options of a comparison. At most one of `since`, `new` and `against` is given; none: DEFAULT_SINCE.

    `stdin`: JSON lines, for `new` of `-`.

    `golden`: files of judged queries and their judgments; `made_queries`: queries made of documents, instead.
    `history`: keep the result in the time line. `picture`: make the map of both samples, too.
    """

    since: str | None = None
    new: Path | None = None
    against: Path | None = None
    time_field: str | None = None
    golden: tuple[Path, Path] | None = None
    made_queries: bool = False
    history: bool = False
    picture: bool = False
    stdin: BinaryIO | None = None

    def check(self) -> None:
        """Raise UsageError for options that contradict one another."""
        given = [f"--{n}" for n in ("since", "new", "against") if getattr(self, n) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} contradict one another: what is new?")
        if self.stdin is None and self.new is not None and not self.new.exists():
            raise UsageError(f"--new {self.new}: no such file or folder")
        if self.made_queries and self.golden is not None:
            raise UsageError("--made-queries stands in for --golden: one of them")
        if self.made_queries and (self.new is not None or self.against is not None):
            raise UsageError("--made-queries asks for documents of the index: with --since")
        if self.since is not None:
            parse_since(self.since)

    def words(self) -> list[str]:
        """Options as words of a command line."""
        found = []
        for name in ("since", "new", "against", "time_field"):
            if (value := getattr(self, name)) is not None:
                found += [f"--{name.replace('_', '-')}", str(value)]
        if self.golden is not None:
            found += ["--golden", *map(str, self.golden)]
        if self.made_queries:
            found.append("--made-queries")
        return [*found, *(["--history"] if self.history else [])]


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides, and what the new one is. `since`: its beginning, seconds since 1970; None if by no time."""

    old: Side
    new: Side
    what: str
    since: float | None = None


@dataclass(slots=True)
class SideFinder:
    """Finder of the sides of a comparison. `warnings`: what is to be told of them."""

    root: Path
    options: DriftOptions
    progress: Progress
    warnings: list[str] = field(default_factory=list)
    timer: StageTimer = field(default_factory=StageTimer)

    def find(self, snapshot: Snapshot, loaded: LoadedModel) -> Sides:
        """Find both sides. Raises as `check_drift`."""
        options, manifest = self.options, snapshot.manifest
        self.warnings += unfinished_warnings(self.root, manifest)
        with self.timer("times"):
            times = document_times(snapshot.catalog, options.time_field)
        for value in times.unread[:1]:
            self.warnings.append(
                f"some dates cannot be read, such as {value!r}: those of files count"
            )
        now = time.time()
        by_time = options.new is None and options.against is None
        since = parse_since(options.since or DEFAULT_SINCE) if by_time else None
        for side, n in times.future(now, since).items():
            self.warnings.append(dated(n, "is dated after now", "are dated after now", side))
        listed = generations(self.root, manifest)
        if listed and listed[-1][1] > now + 60:
            self.warnings.append(
                f"the clock ran back: generation {listed[-1][0]} was made after what it says now"
            )
        with self.timer("profile"):
            profile = open_profile(self.root, manifest)
        if profile is None:
            self.warnings.append(
                "the index has no profile yet: the texts of its sample are read (qembed index makes it)"
            )
        ours = IndexSides(snapshot, times, profile, lambda: loaded.model.tokenizer())
        self.progress.phase("read samples", "", None)
        with self.timer("samples"):
            if options.new is not None:
                new = side_of_path(
                    options.new,
                    loaded,
                    manifest,
                    options.time_field,
                    self.progress,
                    self.warnings.append,
                    options.stdin,
                )
                return Sides(ours.side(texts=False), new, str(options.new))
            if options.against is not None:
                other = self._other_index(manifest, loaded)
                return Sides(ours.side(texts=False), other, str(options.against))
            assert since is not None
            mask = added_since(snapshot, times, since)
            self._check_split(since, times.times)
            return Sides(
                ours.side(~mask, texts=options.made_queries),
                ours.side(mask, texts=True),
                since.said,
                self._begin(since, snapshot),
            )

    def _begin(self, since: Since, snapshot: Snapshot) -> float | None:
        """Time when what is new begins, seconds since 1970."""
        if since.time_ns is not None:
            return since.time_ns / 1e9
        listed = generations(self.root, snapshot.manifest)
        return next((t for g, t, _ in listed if g == since.generation), None)

    def _other_index(self, manifest: Manifest, loaded: LoadedModel) -> Side:
        assert self.options.against is not None
        with Snapshot.open(self.options.against) as other:
            if other.manifest.recipe.fingerprint != manifest.recipe.fingerprint:
                raise RecipeMismatch(
                    f"--against {self.options.against}: its vectors are of another recipe "
                    f"({other.manifest.recipe.model}, not {manifest.recipe.model}, or other settings); only "
                    "indexes of one recipe can be compared"
                )
            times = document_times(other.catalog, self.options.time_field)
            profile = open_profile(other.root, other.manifest)
            sides = IndexSides(other, times, profile, lambda: loaded.model.tokenizer())
            return sides.side(texts=True)

    def _check_split(self, since: Since, times: Any) -> None:
        """Warn of documents without a time, which count as old."""
        if since.time_ns is not None and (n := int((times == 0).sum())):
            self.warnings.append(dated(n, "has no time", "have no time", "old"))


def dated(n: int, one: str, many: str, side: str) -> str:
    """Message on `n` documents whose time says little, by what is said of one and of many.

    `side`: on which they count for that; "": their times do not decide.
    """
    said, they = (
        (f"1 document {one}", "it counts") if n == 1 else (f"{n:,} documents {many}", "they count")
    )
    return f"{said}: {they} as {side}" if side else said
