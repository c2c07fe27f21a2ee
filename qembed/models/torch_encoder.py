"""Text to vectors through sentence-transformers and torch.

Loads from a folder only, without the folder's own code, from safetensors only. On a CPU always in
float32: a checkpoint stored in bfloat16 would otherwise run about a hundred times slower. The prompt a
model would add by itself is switched off, because the text that arrives here is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable
from qembed.models.batches import by_length
from qembed.models.quiet import quiet

if TYPE_CHECKING:
    from qembed.types import Vectors


def choose_device(asked: str | None) -> str:
    """`asked`, else a GPU if there is one."""
    import torch

    if asked:
        return asked
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def load_arguments(device: str) -> dict[str, Any]:
    """What every model is loaded with, whatever it is."""
    import torch

    half = torch.bfloat16 if device.startswith("cuda") else torch.float32
    return {
        "device": device,
        "local_files_only": True,
        "trust_remote_code": False,
        "model_kwargs": {"dtype": half, "use_safetensors": True},
    }


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Silent; what goes wrong in the block becomes ModelUnavailable."""
    with quiet():
        from safetensors import SafetensorError

        try:
            yield
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as e:
            reason = next(iter(str(e).strip().splitlines()), type(e).__name__)
            raise ModelUnavailable(f"{folder} cannot be loaded: {reason}") from e


class TorchEncoder:
    """An Encoder and TokenEncoder. `count` gives the tokens of texts, for even batches."""

    def __init__(
        self,
        folder: Path,
        dim: int,
        pooling: str,
        max_tokens: int,
        count: Callable[[Sequence[str]], list[int]],
        device: str | None = None,
    ) -> None:
        self.dim = dim
        self._count = count
        with loading(folder):
            from sentence_transformers import SentenceTransformer

            arguments = load_arguments(choose_device(device))
            if (folder / "modules.json").is_file():
                self._model = SentenceTransformer(str(folder), **arguments)
            else:
                self._model = SentenceTransformer(
                    modules=_bare(folder, pooling, arguments), device=arguments["device"]
                )
        self._model.eval()
        self._model.max_seq_length = max_tokens

    def encode(self, texts: Sequence[str], track: Callable[[int], None] | None = None) -> Vectors:
        """float32 (len(texts), dim), rows of length 1, in the order of the texts.

        Vectors are cut to `dim` first and normalised then. Raises EncodingError for NaN or infinity.
        """
        import numpy as np

        out = np.empty((len(texts), self.dim), dtype=np.float32)
        for batch in by_length(self._count(texts)):
            with _no_grad():
                raw = self._forward([texts[i] for i in batch])["sentence_embedding"]
            out[batch] = _unit(raw[:, : self.dim].float().cpu().numpy(), [texts[i] for i in batch])
            if track is not None:
                track(len(batch))
        return out

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text float32 (tokens, width), rows of length 1: its attended tokens' last states."""
        found: list[Vectors] = [None] * len(texts)  # type: ignore[list-item]
        for batch in by_length(self._count(texts)):
            with _no_grad():
                output = self._forward([texts[i] for i in batch])
            mask = output["attention_mask"].bool().cpu().numpy()
            states = output["token_embeddings"].float().cpu().numpy()
            for i, row, keep in zip(batch, states, mask, strict=True):
                # by the mask, not by position: padding may be on either side
                found[i] = _unit(row[keep], [texts[i]])
        return found

    def _forward(self, texts: list[str]) -> dict[str, Any]:
        features = self._model.preprocess(texts, prompt="")
        on_device = {
            k: v.to(self._model.device) if hasattr(v, "to") else v for k, v in features.items()
        }
        output: dict[str, Any] = self._model(on_device)
        return output


def _bare(folder: Path, pooling: str, arguments: dict[str, Any]) -> list[Any]:
    """Transformer, pooling and normalisation for a folder that has no modules.json."""
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


def _unit(vectors: Vectors, texts: Sequence[str]) -> Vectors:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    good = np.isfinite(lengths) & (lengths > 0)
    if not good.all():
        text = texts[int(np.argmin(good[:, 0])) % len(texts)]
        raise EncodingError(f"the model gave NaN, infinity or nothing for the text {text[:80]!r}")
    return np.asarray(vectors / lengths, dtype=np.float32)


def _no_grad() -> Any:
    import torch

    return torch.inference_mode()
