"""An encoder's folder as a model that can be trained, and vectors of it while it is in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.models.profiles import profile_for
from qembed.models.spec import parse_spec
from qembed.models.tokenization import keep_end
from qembed.models.torch_encoder import choose_device, load_arguments, loading
from qembed.training.model_folders import trainable_folder
from qembed.vectors import normalize_encoded

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from qembed.models.model_folder import Folder
    from qembed.types import Vectors


def load_trainable(spec: str) -> tuple[SentenceTransformer, Folder]:
    """Model of a spec in float32, and its folder. Texts end and are cut as in search.

    Raises UsageError for a model that cannot be trained here, ModelUnavailable.
    """
    folder = trainable_folder(spec)
    folder.check()
    if folder.is_static:
        raise UsageError(f"{spec}: a table of static vectors, which is not trained here")
    if folder.is_routed:
        raise UsageError(
            f"{spec}: queries and documents have modules of their own, not trained here"
        )
    if not (folder.path / "modules.json").is_file():
        raise UsageError(f"{spec}: no folder of sentence-transformers (modules.json is missing)")
    with loading(folder.path):
        import torch
        from sentence_transformers import SentenceTransformer

        arguments = load_arguments(choose_device(None))
        arguments["model_kwargs"]["dtype"] = torch.float32  # half precision loses small steps
        model = SentenceTransformer(str(folder.path), **arguments)
    profile = profile_for(parse_spec(spec).name, folder.path)
    limit = folder.max_tokens(profile.max_tokens)
    model.max_seq_length = min(model.max_seq_length or limit, limit)
    if (tokenizer := getattr(model.tokenizer, "backend_tokenizer", None)) is not None:
        keep_end(tokenizer, profile.end_token)
    return model, folder


def encode(model: Any, texts: Sequence[str]) -> Vectors:
    """Unit vectors of finished texts, float32 (n, dim)."""
    import numpy as np

    raw = model.encode(
        list(texts), batch_size=32, prompt="", show_progress_bar=False, convert_to_numpy=True
    )
    return normalize_encoded(np.asarray(raw, dtype=np.float32), list(texts))
