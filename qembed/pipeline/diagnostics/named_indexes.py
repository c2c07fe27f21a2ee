"""Named indexes with what each holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from qembed.errors import QembedError
from qembed.pipeline.user_config.named_indexes import named_indexes
from qembed.store import manifest as manifests


@dataclass(frozen=True, slots=True)
class NamedIndexStatus:
    """Named index. `problem`: why it cannot be read, "" if it can."""

    name: str
    path: str
    documents: int = 0
    passages: int = 0
    model: str = ""
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON values for users."""
        return asdict(self)


def describe_named() -> list[NamedIndexStatus]:
    """Describe the named indexes, by name. Raises UsageError for a damaged file of names."""
    found = []
    for name, root in named_indexes().items():
        try:
            manifest = manifests.read(root)
        except QembedError as e:
            found.append(NamedIndexStatus(name, str(root), problem=str(e).partition(" (")[0]))
            continue
        counts = manifest.counts
        found.append(
            NamedIndexStatus(
                name,
                str(root),
                int(counts.get("documents", 0)),
                int(counts.get("passages", 0)),
                manifest.spec,
            )
        )
    return found
