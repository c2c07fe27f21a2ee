"""(query, passage) -> score: late interaction, cross-encoders, or the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.files import Folder
from qembed.models.hub import fetch, is_hub_id
from qembed.models.own import make
from qembed.models.spec import Model
from qembed.models.torch_encoder import choose_device, load_arguments, loading

if TYPE_CHECKING:
    from qembed.types import Reranker, Scores, TokenEncoder

TOGETHER = 64
"""Passages whose token vectors are held at a time: 64 x 256 tokens x 384 float32 are 25 MB."""


class Late:
    """Late interaction: the mean over query tokens of the largest cosine with any passage token.

    The sum of MaxSim of ColBERT (Khattab and Zaharia 2020), divided by the number of query tokens so
    that queries of all lengths share a scale. All attended tokens count on both sides, the special ones
    too: their states stand for the whole text.
    """

    kind = "late"
    calibrated = False

    def __init__(self, encoder: TokenEncoder) -> None:
        self._encoder = encoder

    def score(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """float32 (len(pairs),), between -1 and 1. Each distinct text is encoded once."""
        import numpy as np

        out = np.empty(len(pairs), dtype=np.float32)
        queries = list(dict.fromkeys(q for q, _ in pairs))
        tokens = dict(zip(queries, self._encoder.encode_tokens(queries), strict=True))
        wanted: dict[str, list[int]] = {}
        for i, (_, passage) in enumerate(pairs):
            wanted.setdefault(passage, []).append(i)
        # neighbours in length share a batch; the vectors are dropped as soon as they are used
        passages = sorted(wanted, key=len, reverse=True)
        for at in range(0, len(passages), TOGETHER):
            part = passages[at : at + TOGETHER]
            for passage, states in zip(part, self._encoder.encode_tokens(part), strict=True):
                for i in wanted[passage]:
                    out[i] = (tokens[pairs[i][0]] @ states.T).max(axis=1).mean()
        return out


class Cross:
    """A sentence-transformers cross-encoder with one output. Scores are probabilities."""

    kind = "cross"
    calibrated = True

    def __init__(self, folder: Path, device: str | None = None) -> None:
        Folder(folder).check()
        with loading(folder):
            import torch
            from sentence_transformers import CrossEncoder

            # Identity: some configurations squash already, and twice presses all into .27 to .73
            self._model = CrossEncoder(
                str(folder),
                activation_fn=torch.nn.Identity(),
                **load_arguments(choose_device(device)),
            )
        if self._model.num_labels != 1:
            raise UsageError(
                f"{folder}: a classifier with {self._model.num_labels} classes is no reranker"
            )

    def logits(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """The raw scores, float32 (len(pairs),)."""
        import numpy as np

        if not pairs:
            return np.zeros(0, dtype=np.float32)
        raw = self._model.predict([list(p) for p in pairs], batch_size=32, show_progress_bar=False)
        return np.asarray(raw, dtype=np.float32).reshape(-1)

    def score(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """sigmoid(logit), float32 (len(pairs),)."""
        import numpy as np

        # in float64, where exp of a very negative logit does not overflow
        z = self.logits(pairs).astype(np.float64)
        return np.asarray(1.0 / (1.0 + np.exp(-z)), dtype=np.float32)


def open_reranker(
    spec: str, model: Model, *, task: str | None = None, device: str | None = None
) -> Reranker:
    """The reranker that `spec` names: late (of `model`), a folder, a hub id, or py:module:factory.

    Raises ModelUnavailable, UsageError.
    """
    if spec == "late":
        return Late(model.token_encoder())
    if spec.startswith("py:"):
        made: Any = make(spec)[0]
        if not hasattr(made, "score"):
            raise ModelUnavailable(f"{spec}: what the factory made has no score(pairs)")
        own: Reranker = made
        return own
    if spec and Path(spec).expanduser().is_dir():
        return Cross(Path(spec).expanduser().resolve(), device)
    if is_hub_id(spec):
        return Cross(fetch(spec), device)
    raise UsageError(f"--rerank {spec}: late, a folder, a hub id or py:module:factory is wanted")
