"""Learned model: weights of features, what they were learned of, and the popularity they go with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.feedback.keyed_file import RESERVED, KeyedFile, keyed_content, replace_keyed_file
from qembed.feedback.query_groups import normalise_query
from qembed.paths import FEEDBACK

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

MODEL_FILE = "learned.jsonl"
KIND = "learned order"


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """Weights of features, by name. `recipe`: fingerprint of the index's, whose scores they weigh.

    `learned`: what they were learned of: date, pairs, queries, gain, seed, digest of the preferences.
    """

    weights: Mapping[str, float]
    recipe: str
    learned: Mapping[str, Any] = field(default_factory=dict)
    _content: KeyedFile | None = None

    def contributions(self, features: Matrix, names: Sequence[str]) -> Matrix:
        """Parts of each candidate's score, by feature, against the candidates' mean, float64 (n, k).

        `features`: float64 (n, k); `names`: of its columns.
        """
        import numpy as np

        weights = np.array([self.weights.get(name, 0.0) for name in names])
        parts = features * weights
        return np.asarray(parts - parts.mean(axis=0) if len(parts) else parts)

    def popularity(self, text: str) -> dict[str, float]:
        """Popularity of documents for a query, by id."""
        found = None if self._content is None else self._content.entry(normalise_query(text))
        return {d: float(v) for d, v in (found or {}).items() if isinstance(v, int | float)}


def model_path(root: Path) -> Path:
    """Path of the model in the index at `root`."""
    return root / FEEDBACK / MODEL_FILE


def read_model(root: Path) -> LearnedModel | None:
    """Model of the index at `root`; None without one that this version can read. Raises OSError."""
    content = KeyedFile.read(model_path(root))
    header = content.header
    if header is None or header.get("kind") != KIND:
        return None
    weights = header.get("weights")
    if not isinstance(weights, dict) or not all(isinstance(w, float) for w in weights.values()):
        return None
    return LearnedModel(weights, str(header.get("recipe")), header.get("learned") or {}, content)


def write_model(
    root: Path, model: LearnedModel, popularity: Mapping[str, Mapping[str, float]]
) -> None:
    """Store a model in the index at `root`, in one rename. Raises OSError; the old one then stands."""
    (root / FEEDBACK).mkdir(exist_ok=True)
    header = {
        "kind": KIND,
        "weights": dict(model.weights),
        "recipe": model.recipe,
        "learned": dict(model.learned),
    }
    replace_keyed_file(model_path(root), keyed_content(header, popularity.items()))


def forget_popularity(root: Path, texts: Iterable[str]) -> int:
    """Take queries out of the model's popularity, for who deletes them from the log. Returns their number.

    Raises OSError; the old model then stands.
    """
    content = KeyedFile.read(model_path(root))
    if content.header is None:
        return 0
    gone = {normalise_query(text) for text in texts}
    entries = list(content.entries())
    kept = [(key, entry) for key, entry in entries if key not in gone]
    if len(kept) < len(entries):
        header = {n: v for n, v in content.header.items() if n not in RESERVED}
        replace_keyed_file(model_path(root), keyed_content(header, kept))
    return len(entries) - len(kept)
