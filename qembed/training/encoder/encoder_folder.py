"""An encoder's folder as a model to train, its vectors while it is in memory, and its new folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.models import prepare_spec
from qembed.models.torch_encoder import choose_device, load_arguments, loading
from qembed.pipeline.progress import Progress
from qembed.training.card import write_card
from qembed.training.model_folders import keep_templates, new_model_folder, trainable_folder
from qembed.vectors import normalize_encoded

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from qembed.models.model_folder import Folder
    from qembed.types import Vectors


def load_trainable(spec: str) -> tuple[SentenceTransformer, Folder]:
    """Model of a spec in float32, and its folder.

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
    return model, folder


def encode(model: Any, texts: Sequence[str]) -> Vectors:
    """Unit vectors of finished texts, float32 (n, dim)."""
    import numpy as np

    raw = model.encode(
        list(texts), batch_size=32, prompt="", show_progress_bar=False, convert_to_numpy=True
    )
    return normalize_encoded(np.asarray(raw, dtype=np.float32), list(texts))


def write_trained(
    model: Any,
    body: Mapping[str, Any],
    files: Sequence[Path],
    command: str,
    work: Path,
    progress: Progress,
) -> None:
    """Write and export a model if its command's JSON says so; then remove the folder of checkpoints, `work`.

    `files`: data named in the card. Adds the seconds of the export to `body`. Raises StorageError.
    """
    if body["written"]:
        out = Path(body["out"])
        with new_model_folder(out) as made:
            model.save_pretrained(str(made), create_model_card=False)
            keep_templates(body["settings"]["model"], made)
            write_card(made, out.name, body, files, command)
        mark = time.perf_counter()
        _, said = prepare_spec(str(out), progress.say)
        progress.say(said)
        body["seconds"]["export"] = round(time.perf_counter() - mark, 3)
    shutil.rmtree(work, ignore_errors=True)
