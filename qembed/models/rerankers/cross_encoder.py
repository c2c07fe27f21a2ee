"""Cross-encoders: a classifier with one output reads query and passage together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.models.batching import TOKENS, by_length
from qembed.models.model_folder import Folder
from qembed.models.onnx.prepare import cross_encoder, open_cross
from qembed.models.onnx.session import batch_tokens
from qembed.models.qwen_prompt import architecture
from qembed.models.scoring import PROBABILITY, finite, sigmoid
from qembed.models.torch_encoder import choose_device, load_arguments, loading
from qembed.protocols import Pair, Tasks, Track

if TYPE_CHECKING:
    from qembed.types import Scores

CLASSIFIER = "ForSequenceClassification"


class CrossEncoderReranker:
    """Scorer through a sentence-transformers cross-encoder with one output; scores are probabilities.

    Runs its ONNX export if there is one, else torch. `spec`: for messages, the folder by default.

    Raises ModelUnavailable, UsageError for a classifier with several classes.
    """

    kind = "cross"
    calibrated = True
    instructed = False
    meaning = PROBABILITY

    def __init__(self, folder: Path, device: str | None = None, spec: str | None = None) -> None:
        self._name = spec or folder.name
        self.truncated: list[Pair] = []
        files = Folder(folder)
        files.check_files()
        self._exported, self.note = open_cross(cross_encoder(folder, spec or str(folder), device))
        if self._exported is not None:
            self.truncated = self._exported.truncated
            return
        arguments = load_arguments(choose_device(device))
        self._batch_tokens = batch_tokens() if arguments["device"] == "cpu" else TOKENS
        with loading(folder):
            import torch
            from sentence_transformers import CrossEncoder

            # Identity: some configurations apply a sigmoid already; two press scores into .27 to .73
            self._model = CrossEncoder(
                str(folder),
                activation_fn=torch.nn.Identity(),
                **arguments,
            )
        if self._model.num_labels != 1:
            raise UsageError(
                f"{folder}: a classifier with {self._model.num_labels} classes is no reranker"
            )
        self._limit = min(self._model.max_seq_length or 10**9, files.max_tokens(512))
        self._model.max_seq_length = self._limit
        if architecture(files).endswith(CLASSIFIER):
            # as in TorchEncoder; a language model reads its answer off the last position
            self._model.tokenizer.padding_side = "right"

    @property
    def batch_invariant(self) -> bool:
        """True if a pair's score has the same bits whatever other pairs are scored with it."""
        return self._exported is not None and self._exported.batch_invariant

    def logits(self, pairs: Sequence[Pair], track: Track | None = None) -> Scores:
        """Logits of the pairs, float32 (len(pairs),)."""
        import numpy as np

        out = np.zeros(len(pairs), dtype=np.float32)
        if not pairs:
            return out
        if self._exported is not None:
            return finite(self._exported.logits(pairs, track), pairs, self._name)
        given = self._model.tokenizer(
            [q for q, _ in pairs], [p for _, p in pairs], truncation=False, padding=False
        )
        lengths = [len(ids) for ids in given["input_ids"]]
        self.truncated += [p for p, n in zip(pairs, lengths, strict=True) if n > self._limit]
        shown = [min(n, self._limit) for n in lengths]
        for batch in by_length(shown, tokens=self._batch_tokens):
            raw = self._model.predict(
                [list(pairs[i]) for i in batch], batch_size=len(batch), show_progress_bar=False
            )
            out[batch] = np.asarray(raw, dtype=np.float32).reshape(-1)
            if track is not None:
                track(len(batch))
        return finite(out, pairs, self._name)

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Probabilities of the pairs, sigmoid(logit), float32 (len(pairs),)."""
        return sigmoid(self.logits(pairs, track))
