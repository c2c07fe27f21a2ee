"""Requests for vectors of texts, and their JSON. Imports no other room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from qembed.types import Vectors

Role = Literal["query", "document"]


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to encode. `role`: template to put around each, None for none. `dimensions`: to cut to."""

    texts: Sequence[str]
    role: Role | None = None
    dimensions: int | None = None

    model: ClassVar[None] = None
    specs: ClassVar[Sequence[str | None]] = ()
    reads_files: ClassVar[bool] = False

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> EmbedRequest:
        """Request from JSON values. Raises TypeError for other values than `to_json`'s."""
        return cls(**body)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, float32 (n, dim), and the number of tokens of all texts as they were encoded."""

    vectors: Vectors
    tokens: int

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"vectors": self.vectors.tolist(), "tokens": self.tokens}
