"""A cross-encoder's folder as a model that can be trained, and its scores while it is in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.models.builtin.registry import BUILTIN
from qembed.models.qwen_prompt import architecture
from qembed.models.rerankers.cross_encoder import CLASSIFIER
from qembed.models.scoring import finite
from qembed.models.torch_encoder import choose_device, load_arguments, loading
from qembed.training.model_folders import trainable_folder

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

    from qembed.models.model_folder import Folder
    from qembed.protocols import Pair
    from qembed.types import Scores


def load_trainable_reranker(spec: str) -> tuple[CrossEncoder, Folder]:
    """Cross-encoder of a spec in float32, and its folder.

    Raises UsageError for a model that cannot be trained here, ModelUnavailable.
    """
    if spec in BUILTIN and BUILTIN[spec].kind != "reranker":
        raise UsageError(f"{spec}: it gives vectors and scores no pairs (minilm-l12 does)")
    folder = trainable_folder(spec)
    found = architecture(folder)
    if not found.endswith(CLASSIFIER):
        raise UsageError(
            f"{spec}: no cross-encoder but a {found or 'model without a config.json'}, "
            "which is not trained here"
        )
    folder.check_files()
    with loading(folder.path):
        import torch
        from sentence_transformers import CrossEncoder

        arguments = load_arguments(choose_device(None))
        arguments["model_kwargs"]["dtype"] = torch.float32  # half precision loses small steps
        model = CrossEncoder(str(folder.path), **arguments)
    if model.num_labels != 1:
        raise UsageError(
            f"{spec}: a classifier with {model.num_labels} classes, which is no reranker"
        )
    model.max_seq_length = min(model.max_seq_length or 10**9, folder.max_tokens(512))
    model.tokenizer.padding_side = "right"
    return model, folder


def score(model: Any, pairs: Sequence[Pair]) -> Scores:
    """Logits of the pairs, float32 (len(pairs),). Raises EncodingError for one that is no number."""
    import numpy as np
    import torch

    if not pairs:
        return np.zeros(0, dtype=np.float32)
    raw = model.predict(
        [list(pair) for pair in pairs],
        batch_size=32,
        activation_fn=torch.nn.Identity(),
        show_progress_bar=False,
    )
    return finite(np.asarray(raw, dtype=np.float32).reshape(-1), pairs, "the trained model")
