"""Encoder through sentence-transformers and torch.

Loads from a folder only, without the folder's own code, from safetensors only. On a CPU always in
float32: a checkpoint stored in bfloat16 would otherwise run about a hundred times slower. The model's own
default prompt is switched off, because texts arrive here with their template applied.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import ModelUnavailable
from qembed.models.batching import TEXTS, TOKENS, by_length
from qembed.models.environment import DTYPE, check_variables
from qembed.models.layout.modules import STATIC, Role
from qembed.models.layout.pictures import pads_to_limit
from qembed.models.layout.prompts import PromptFinder
from qembed.models.library_logging import quiet
from qembed.models.model_folder import Folder
from qembed.models.profiles import profile_for
from qembed.models.tokenization import keep_end
from qembed.protocols import EncoderInfo
from qembed.vectors import normalize_encoded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors


GPU_TOKENS = 8
"""Size of a GPU's batch, in a CPU's: small batches leave a GPU idle."""


def choose_device(requested: str | None) -> str:
    """Name of the device: `requested`, else a GPU if there is one. Raises ModelUnavailable without it."""
    if requested == "cpu":
        return requested
    import torch

    if requested:
        backend = torch.backends.mps if requested == "mps" else torch.cuda
        if not backend.is_available():
            raise ModelUnavailable(f"device {requested}: torch finds none here (QEMBED_DEVICE=cpu)")
        return requested
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def load_arguments(device: str) -> dict[str, Any]:
    """Keyword arguments for loading any model. Raises UsageError for an unknown $QEMBED_DTYPE."""
    import torch

    check_variables()
    dtype = os.environ.get(DTYPE) or ("bfloat16" if device.startswith("cuda") else "float32")
    kwargs: dict[str, Any] = {"dtype": getattr(torch, dtype), "use_safetensors": True}
    if device.startswith("cuda") and dtype != "float32" and find_spec("flash_attn"):
        kwargs["attn_implementation"] = "flash_attention_2"
    return {
        "device": device,
        "local_files_only": True,
        "trust_remote_code": False,
        "model_kwargs": kwargs,
    }


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Silence libraries in the block, and turn their errors into ModelUnavailable."""
    with quiet():
        from safetensors import SafetensorError

        try:
            yield
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as e:
            reason = next(iter(str(e).strip().splitlines()), type(e).__name__)
            raise ModelUnavailable(f"{folder} cannot be loaded: {reason}") from e


class TorchEncoder:
    """Encoder and TokenEncoder of the model in a folder. `count`: tokens of texts, for batching.

    `left_out`: templates of prompts whose tokens are read, but not pooled. `role`: use of the texts, where
    queries and documents have modules of their own; only those of the role are loaded.

    Raises ModelUnavailable, UsageError.
    """

    info = EncoderInfo()

    def __init__(
        self,
        folder: Path,
        dim: int,
        pooling: str,
        max_tokens: int,
        count: Callable[[Sequence[str]], list[int]],
        device: str | None = None,
        left_out: Sequence[str] = (),
        role: Role = "document",
    ) -> None:
        self.dim = dim
        self._prompt = PromptFinder(left_out)
        self._count = count
        with loading(folder):
            from sentence_transformers import SentenceTransformer

            arguments = load_arguments(choose_device(device))
            files = Folder(folder, role)
            if not (folder / "modules.json").is_file() and not files.has_towers:
                self._model = SentenceTransformer(
                    modules=_bare(folder, pooling, arguments), device=arguments["device"]
                )
            elif files.is_routed:
                self._model = SentenceTransformer(
                    modules=_route(files, arguments), device=arguments["device"]
                )
            else:
                self._model = SentenceTransformer(str(folder), **arguments)
        self._options: dict[str, Any] = {}
        if files.has_towers and pads_to_limit(files.base_json("config.json")):
            # sentence-transformers pads to the longest text, so that a vector would depend on its batch
            self._options = {"processing_kwargs": {"text": {"padding": "max_length"}}}
        gpu = arguments["device"] != "cpu"
        self._budget = [n * (GPU_TOKENS if gpu else 1) for n in (TOKENS, TEXTS)]
        self._model.eval()
        self.is_static = type(self._model[0]).__name__ == STATIC
        # what it reads beside texts
        self._reads_more = bool(
            {"image", "audio", "video"} & {*getattr(self._model[0], "modalities", ())}
        )
        if self.is_static:
            return
        self._model.max_seq_length = max_tokens
        if hasattr(self._model.tokenizer, "padding_side"):
            # a text's first token is at position 0 then, as in a batch of one
            self._model.tokenizer.padding_side = "right"
        if (tokenizer := getattr(self._model.tokenizer, "backend_tokenizer", None)) is not None:
            keep_end(tokenizer, profile_for(str(folder), folder).end_token)

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1, in their order.

        Vectors are truncated to `dim` before they are normalised. Raises EncodingError for NaN or infinity.
        """
        import numpy as np

        out = np.empty((len(texts), self.dim), dtype=np.float32)
        for batch in by_length(self._count(texts), *self._budget):
            for prompt, part in self._by_prompt(texts, batch).items():
                given = [texts[i] for i in part]
                with _no_grad():
                    raw = self._forward(given, prompt)["sentence_embedding"]
                vectors = raw[:, : self.dim].float().cpu().numpy()
                out[part] = normalize_encoded(vectors, given)
        return out

    def _by_prompt(self, texts: Sequence[str], batch: Sequence[int]) -> dict[str, list[int]]:
        """Positions of a batch's texts by the prompt that is not to be pooled, "" for none."""
        found: dict[str, list[int]] = {}
        for i in batch:
            found.setdefault(self._prompt(texts[i]), []).append(i)
        return found

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Last states of each text's attended tokens, float32 (tokens, width), rows of length 1."""
        if self.is_static:
            return [self._rows(text) for text in texts]
        found: list[Vectors] = [None] * len(texts)  # type: ignore[list-item]
        for batch in by_length(self._count(texts), *self._budget):
            with _no_grad():
                output = self._forward([texts[i] for i in batch])
            mask = output["attention_mask"].bool().cpu().numpy()
            states = output["token_embeddings"].float().cpu().numpy()
            for i, row, keep in zip(batch, states, mask, strict=True):
                # by the mask, not by position: padding may be on either side
                kept = row[keep]
                found[i] = normalize_encoded(kept, [texts[i]] * len(kept))
        return found

    def _rows(self, text: str) -> Vectors:
        """Rows of a StaticEmbedding's table for a text's tokens, normalised."""
        with _no_grad():
            table: Any = self._model[0]
            rows = table.embedding.weight[self._model.preprocess([text])["input_ids"]]
        return normalize_encoded(rows.float().cpu().numpy(), [text] * len(rows))

    def _forward(self, texts: list[str], prompt: str = "") -> dict[str, Any]:
        """Features of the texts, which begin with `prompt`, after the last module."""
        given: list[Any] = [t[len(prompt) :] for t in texts]
        if self._reads_more:
            # a bare text that is an address of a picture, or its path, would be loaded as one
            given = [{"text": t} for t in given]
        return self._after(self._model.preprocess(given, prompt=prompt, **self._options))

    def _after(self, features: dict[str, Any]) -> dict[str, Any]:
        """Features after the last module."""
        on_device = {
            k: v.to(self._model.device) if hasattr(v, "to") else v for k, v in features.items()
        }
        output: dict[str, Any] = self._model(on_device)
        return output

    def pixel_vectors(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Vectors of prepared pictures, float32 (n, width). `pixels`: float32 (n, 3, height, width)."""
        import torch

        with _no_grad():
            values = torch.from_numpy(pixels).to(next(self._model.parameters()).dtype)
            output = self._after({"pixel_values": values, "modality": "image"})
        found: npt.NDArray[np.float32] = output["sentence_embedding"].float().cpu().numpy()
        return found


def _bare(folder: Path, pooling: str, arguments: dict[str, Any]) -> list[Any]:
    """Transformer, pooling and normalisation modules for a folder without modules.json."""
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(
        str(folder),
        model_kwargs={**arguments["model_kwargs"], "local_files_only": True},
        config_kwargs={"local_files_only": True, "trust_remote_code": False},
        # a tokenizer with a chat template would otherwise turn the text into a conversation
        modality_config={"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        module_output_name="token_embeddings",
    )
    width = transformer.get_embedding_dimension()
    return [transformer, Pooling(width, pooling_mode=pooling or "mean"), Normalize()]


def _route(files: Folder, arguments: dict[str, Any]) -> list[Any]:
    """Modules that texts of the folder's role pass, loaded as sentence-transformers' Router loads them."""
    from sentence_transformers.sentence_transformer import modules

    loading = {k: v for k, v in arguments.items() if k != "device"}
    return [
        getattr(modules, m.kind).load(
            str(files.path),
            subfolder=m.path,
            processor_kwargs=None,
            config_kwargs=None,
            backend="torch",
            **loading,
        )
        for m in files.module_list
    ]


def _no_grad() -> Any:
    import torch

    return torch.inference_mode()
