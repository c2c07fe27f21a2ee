"""What `qembed index` is asked and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from qembed.pipeline.recipe import RecipeOptions
from qembed.store import Source as Source  # part of IndexOptions: callers build one
from qembed.store.compaction import CompactionPolicy
from qembed.types import LeftOut, Recipe, Unreadable

KINDS = ("added", "changed", "moved", "unchanged", "deleted", "failed")
"""What may become of a document."""


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """What `qembed index` was asked to do. `paths` empty: refresh the remembered sources."""

    paths: Sequence[str] = ()
    recipe: RecipeOptions = field(default_factory=RecipeOptions)
    source: Source = field(default_factory=lambda: Source(""))
    task: str | None = None
    rebuild: bool = False
    repair: bool = False
    strict: bool = False
    wait: float = 0.0
    dry_run: bool = False
    detail: bool = False
    """With `dry_run`: reads and cuts what would be read, and says how."""
    allow_missing: bool = False
    """A source that is gone is taken at its word: its documents go too."""
    compaction: CompactionPolicy = field(default_factory=CompactionPolicy)
    confirm: Callable[[str], bool] = lambda _: False
    """Asked before more than half of an index is deleted; what is said is the reason to ask."""


class Detail(NamedTuple):
    """How a file would be read and cut: `chunker` is none, markdown, text, or code: and a language."""

    name: str
    reader: str
    chunker: str
    documents: int
    passages: int
    problems: Sequence[str]


@dataclass(slots=True)
class LeftOutStats:
    """Parts left out of files that were read: how many files, how many parts, and the first of them."""

    MAX_LISTED = 1000

    files: int = 0
    parts: int = 0
    listed: list[LeftOut] = field(default_factory=list)

    def add_file(self, left_out: Sequence[LeftOut]) -> None:
        """Count what was left out of one file."""
        self.files += bool(left_out)
        self.parts += sum(part.count for part in left_out)
        self.listed += left_out[: self.MAX_LISTED - len(self.listed)]

    def to_json(self) -> dict[str, Any]:
        """Numbers, and the parts that are listed by name."""
        parts = [{"path": p.path, "what": p.what, "count": p.count} for p in self.listed]
        return {"files": self.files, "parts": self.parts, "listed": parts}


@dataclass(slots=True)
class IndexSummary:
    """What happened, as `qembed index --format json` prints it."""

    index: Path
    generation: int
    recipe: Recipe
    documents: Mapping[str, int]
    passages: Mapping[str, int]
    failed: list[Unreadable]
    skipped: Mapping[str, int]
    seconds: Mapping[str, float]
    interrupted: bool = False
    dry_run: bool = False
    cut_short: list[str] = field(default_factory=list)
    plainly: Mapping[str, int] = field(default_factory=dict)
    """How many documents were cut as plain text for want of something, by what it is."""
    would: Mapping[str, list[str]] = field(default_factory=dict)
    details: Sequence[Detail] = ()
    suffixes: Mapping[str, int] = field(default_factory=dict)
    """Of the files skipped for an unknown suffix, how many of each; "" for none."""
    skipped_files: Sequence[tuple[str, str]] = ()
    """Of a dry run with details: what was skipped, and why."""
    left_out: LeftOutStats = field(default_factory=LeftOutStats)
    """Parts left out of the files that this run has read."""

    def suffixes_of(self, reason: str) -> Mapping[str, int]:
        """Return the counts of unknown suffixes for the skip reason they belong to, {} for any other."""
        from qembed.corpus import UNKNOWN

        return self.suffixes if reason == UNKNOWN else {}

    def to_json(self) -> dict[str, Any]:
        """The summary's documented fields."""
        body: dict[str, Any] = {
            "schema": 1,
            "index": str(self.index),
            "generation": self.generation,
            "recipe": self.recipe.to_json(),
            "documents": dict(self.documents),
            "passages": dict(self.passages),
            "cut_plainly": dict(self.plainly),
            "failed": [{"path": u.path, "line": u.line, "error": u.error} for u in self.failed],
            "skipped": dict(self.skipped),
            "left_out": self.left_out.to_json(),
            "unknown_suffixes": dict(self.suffixes),
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
            "interrupted": self.interrupted,
        }
        if self.dry_run:
            body["dry_run"] = True
            body["would"] = {k: list(v) for k, v in self.would.items()}
            if self.details:
                body["details"] = [d._asdict() for d in self.details]
            if self.skipped_files:
                body["skipped_files"] = [
                    {"path": name, "reason": why} for name, why in self.skipped_files
                ]
        return body
