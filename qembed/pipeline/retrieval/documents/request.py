"""Requests of `similar`, and their JSON. Imports no other room."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.options import By
    from qembed.search.dense.planner import Search

SCORES = ("mean", "best")


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """Request for what is near a document or a text.

    `document`: its id, whose vectors are stored; or `text`, which is encoded. `files`: `document` may also be
    the path of a file, which is read and encoded if the index does not have it. `passage`: number of the
    passage of the document that is compared, from 0, None for all. `score`: `mean` over the passages
    compared of the nearest passage's cosine, or `best` of them. `model`: names the model otherwise than the
    index does. `snippets`: find the sentence of each hit that shares most.
    """

    document: str | None = None
    text: str | None = None
    files: bool = False
    passage: int | None = None
    k: int = 10
    by: By = "document"
    score: str = "mean"
    search: Search = "auto"
    where: tuple[str, ...] = ()
    min_score: float | None = None
    model: str | None = None
    snippets: bool = False

    @property
    def specs(self) -> list[str | None]:
        """Specs of the models that answer."""
        return [self.model]

    @property
    def reads_files(self) -> bool:
        """True if the answer may come from a file."""
        return self.files

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> SimilarRequest:
        """Request from JSON values. Raises KeyError, TypeError for other values than `to_json`'s."""
        return cls(**{**body, "where": tuple(body["where"])})


def check_similar(request: SimilarRequest) -> None:
    """Raise UsageError for a request that no index can answer."""
    if (request.document is None) == (request.text is None):
        raise UsageError("a document or a text: one of them is wanted")
    if request.k < 1:
        raise UsageError(f"-k {request.k}: at least 1")
    if request.passage is not None and request.passage < 0:
        raise UsageError(f"--passage {request.passage}: passages count from 0")
    if request.score not in SCORES:
        raise UsageError(f"--score {request.score}: {' or '.join(SCORES)} is wanted")
    if request.min_score is not None and not -1 <= request.min_score <= 1:
        wanted = "a cosine, from -1 to 1, is wanted"
        shown = "" if math.isnan(request.min_score) else f" {request.min_score:g}"
        raise UsageError(f"--min-score{shown}: {wanted}")
