"""Export of models with a tower for texts and one for pictures: a graph for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qembed.models.images.preprocessing import from_settings
from qembed.models.layout.pictures import IMAGE_FOLDER, pads_to_limit
from qembed.models.model_folder import Folder
from qembed.models.onnx.cache import Export
from qembed.models.onnx_export.batch_invariance import batch_invariant_modules, is_batch_invariant
from qembed.models.onnx_export.graph import write_graph, write_tokenizer
from qembed.models.onnx_export.parity import PROBES, check_vectors, shapes
from qembed.models.torch_encoder import TorchEncoder
from qembed.vectors import normalize

Written = tuple[dict[str, Any], Callable[[Export], None]]


def text_tower(encoder: TorchEncoder, request: dict[str, Any]) -> Written:
    """Write the graph of texts; returns facts about it, and its check."""
    import torch

    from qembed.models.onnx.encoder import VECTOR, OnnxEncoder

    out, limit = Path(request["out"]), int(request["max_tokens"])
    folder = Folder(Path(request["folder"]))
    model = encoder._model
    probe = model.preprocess([{"text": PROBES[0]}])
    inputs = [name for name in ("input_ids", "attention_mask") if name in probe]

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps = batch_invariant_modules(model)

        def forward(self, input_ids: Any, attention_mask: Any | None = None) -> Any:
            features = {"input_ids": input_ids, "modality": "text"}
            if attention_mask is not None:
                features["attention_mask"] = attention_mask
            for step in self.steps:
                features = step(features)
            return features["sentence_embedding"]

    padded = limit if pads_to_limit(folder.base_json("config.json")) else None
    write_graph(Wrapped().eval(), inputs, [VECTOR], out, length=padded)
    facts = {"inputs": inputs, "length": padded, **write_tokenizer(model.tokenizer, out)}

    def check(export: Export) -> None:
        ours = OnnxEncoder(export, encoder.dim, limit)
        for texts in shapes():
            check_vectors(encoder.encode(texts), ours.encode(texts))
        facts["apart"] = is_batch_invariant(ours.encode, PROBES)

    return facts, check


def image_tower(request: dict[str, Any]) -> Written:
    """Write the graph of pictures; returns facts about it, and its check."""
    import numpy as np
    import torch

    from qembed.models.onnx.images import PIXELS, VECTOR, OnnxImages

    out, folder = Path(request["out"]), Folder(Path(request["folder"]))
    steps = from_settings(folder.image_settings(), str(folder.path))
    module = _module(folder, request)

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, pixel_values: Any) -> Any:
            return self.module(pixel_values)

    wrapped = Wrapped().eval()
    write_graph(wrapped, [PIXELS], [VECTOR], out, pixels=steps.shape)

    def check(export: Export) -> None:
        ours = OnnxImages(export)
        rng = np.random.default_rng(0)
        for count in (1, 2, 5):
            # noise, and pictures of one colour, between black and white
            pixels = rng.normal(size=(count, 3, *steps.shape)).astype(np.float32)
            pixels[::2] = pixels[::2, :, :1, :1]
            with torch.inference_mode():
                theirs = wrapped(torch.from_numpy(pixels)).numpy()
            check_vectors(normalize(theirs), normalize(ours.pixel_vectors(pixels)))

    return {"inputs": [PIXELS]}, check


def _module(folder: Folder, request: dict[str, Any]) -> Any:
    """Module of pixels that gives vectors."""
    if folder.sees == "image":
        from qembed.models.images.towers import load_tower

        return load_tower(folder.path / IMAGE_FOLDER)
    import torch

    encoder = TorchEncoder(
        folder.path, -1, request["pooling"], 8, lambda ts: [1] * len(ts), device="cpu"
    )

    class Towers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps = encoder._model

        def forward(self, pixel_values: Any) -> Any:
            features: dict[str, Any] = {"pixel_values": pixel_values, "modality": "image"}
            for step in self.steps:
                features = step(features)
            return features["sentence_embedding"]

    return Towers()
