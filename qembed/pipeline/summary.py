"""What `qembed index` is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.pipeline.recipe import Wishes
from qembed.store import Source
from qembed.types import Recipe, Unreadable


@dataclass(frozen=True, slots=True)
class Options:
    """What `qembed index` was asked to do. `paths` empty: refresh the remembered sources."""

    paths: Sequence[str] = ()
    wishes: Wishes = field(default_factory=Wishes)
    source: Source = field(default_factory=lambda: Source(""))
    task: str | None = None
    rebuild: bool = False
    repair: bool = False
    strict: bool = False
    wait: float = 0.0
    dry_run: bool = False


@dataclass(slots=True)
class Summary:
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
    would: Mapping[str, list[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The summary's documented fields."""
        body: dict[str, Any] = {
            "schema": 1,
            "index": str(self.index),
            "generation": self.generation,
            "recipe": self.recipe.to_json(),
            "documents": dict(self.documents),
            "passages": dict(self.passages),
            "failed": [{"path": u.path, "line": u.line, "error": u.error} for u in self.failed],
            "skipped": dict(self.skipped),
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
            "interrupted": self.interrupted,
        }
        if self.dry_run:
            body["dry_run"] = True
            body["would"] = {k: list(v) for k, v in self.would.items()}
        return body
