"""Modules of a sentence-transformers folder: which are supported, and the width of what they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from qembed.errors import ModelUnavailable

STATIC = "StaticEmbedding"
CLIP = "CLIPModel"
"""Module of CLIP, from before sentence-transformers 5.4; today it is a Transformer."""
INPUTS = ("Transformer", STATIC, CLIP)
"""Kinds of a first module, which reads text."""
ROUTERS = ("Router", "Asym")
"""Kinds of a module that stands for others, which depend on the use of a text."""
ROUTER_CONFIGS = ("router_config.json", "config.json")
"""Files of a router's routes; sentence-transformers takes the first that is there."""
Role: TypeAlias = Literal["query", "document"]
"""Use of a text: it is searched with, or it is searched."""
STATES, VECTOR = "token_embeddings", "sentence_embedding"
"""Features that modules pass on: one row a token, one row a text."""
_SUPPORTED = (*INPUTS, "Pooling", "Dense", "LayerNorm", "Normalize", "Dropout")
_WITH_WEIGHTS = ("Dense", "LayerNorm")
_REASONS = {
    "Router": "it is inside another router",
    "Asym": "it is inside another router",
    "WordEmbeddings": "its tokens are words of a vocabulary file, which qembed does not read",
    "BoW": "its vectors are word counts, which --mode lexical does better",
    "CNN": "its convolution reads padding, so that a vector depends on the other texts of its batch",
    "LSTM": "qembed does not run recurrent layers",
    "WordWeights": "qembed does not weight tokens by a table of words",
    "WeightedLayerPooling": "qembed reads the last layer only",
    "SpladePooling": "it gives sparse vectors: it is a SparseEncoder",
    "MLMTransformer": "it gives sparse vectors: it is a SparseEncoder",
    "SparseStaticEmbedding": "it gives sparse vectors: it is a SparseEncoder",
    "SparseAutoEncoder": "it gives sparse vectors: it is a SparseEncoder",
    "MultiVectorMask": "it gives one vector a token: it is a MultiVectorEncoder (ColBERT)",
    "TokenPooling": "it gives one vector a token: it is a MultiVectorEncoder (ColBERT)",
    "LogitScore": "it scores pairs: it is a reranker (--rerank)",
}


class Module(NamedTuple):
    """Module of `modules.json`. `kind`: name of its class; `path`: its subfolder, "" for the folder itself.

    `config`: content of its config.json.
    """

    kind: str
    path: str
    config: Mapping[str, Any] = MappingProxyType({})

    @property
    def pooling_modes(self) -> list[str]:
        """Modes of a Pooling module, concatenated in this order; empty if its file names none."""
        named = self.config.get("pooling_mode")
        if isinstance(named, str):
            return [named]
        if isinstance(named, list):
            return [str(n) for n in named]
        on = {k.removeprefix("pooling_mode_") for k, v in self.config.items() if v is True}
        return [mode for flag, mode in _FLAGS.items() if flag in on]

    @property
    def leaves_out_prompt(self) -> bool:
        """True for a Pooling module that pools a text's tokens without those of its prompt."""
        return self.kind == "Pooling" and self.config.get("include_prompt") is False


_FLAGS = {
    "cls_token": "cls",
    "max_tokens": "max",
    "mean_tokens": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean_tokens": "weightedmean",
    "lasttoken": "lasttoken",
}
"""Flags of pooling files before sentence-transformers 6, in the order in which modes are concatenated."""


def check_modules(folder: Path, modules: Sequence[Module], towers: bool = False) -> None:
    """Raise ModelUnavailable for modules that cannot be run, or would not give one vector a text.

    `towers`: the first module gives one vector a text by itself.
    """
    for i, module in enumerate(modules):
        where = f"{folder}: its module {module.kind}"
        if module.kind not in _SUPPORTED:
            reason = _REASONS.get(module.kind, f"supported are {', '.join(_SUPPORTED)}")
            raise ModelUnavailable(f"{where} is not supported: {reason}")
        if (i == 0) != (module.kind in INPUTS):
            raise ModelUnavailable(
                f"{folder / 'modules.json'}: {' or '.join(INPUTS)} first and nowhere else is wanted"
            )
        inside = folder / module.path
        if module.kind in _WITH_WEIGHTS and not any(inside.glob("*.safetensors")):
            raise ModelUnavailable(
                f"{where} has no weights in safetensors form in {inside} (pickled ones can run code "
                "and are not loaded; convert them first)"
            )
        activation = str(module.config.get("activation_function") or "torch.")
        if module.kind == "Dense" and not activation.startswith("torch."):
            raise ModelUnavailable(
                f"{where} has the activation {activation}, which is code from outside torch"
            )
    pooled = [m for m in modules if m.kind == "Pooling"]
    if modules and modules[0].kind == CLIP and not towers:
        raise ModelUnavailable(
            f"{folder}: its module {CLIP} has no preprocessor_config.json, or is no CLIP"
        )
    if modules and modules[0].kind == "Transformer" and not pooled and not towers:
        raise ModelUnavailable(
            f"{folder / 'modules.json'}: no Pooling module, so that no text gets one vector"
        )


def width(modules: Sequence[Module], states: int) -> int:
    """Dimensions of the vectors that the modules give, from the width of the first module's `states`."""
    features = {STATES: states, VECTOR: states}
    for module in modules:
        if module.kind == "Pooling":
            features[VECTOR] = features[STATES] * max(1, len(module.pooling_modes))
        elif module.kind == "Dense":
            source = module.config.get("module_input_name") or VECTOR
            features[module.config.get("module_output_name") or source] = int(
                module.config["out_features"]
            )
    return features[VECTOR]


def is_normalized(modules: Sequence[Module]) -> bool:
    """True if the last module that changes the vectors scales them to length 1."""
    last = [m.kind for m in modules if m.kind != "Dropout"][-1:]
    return last == ["Normalize"]


def hashed_files(folder: Path, modules: Sequence[Module]) -> list[Path]:
    """Files of modules in subfolders that determine a vector, but for `N_Pooling` and `N_Dense`."""
    found = []
    for module in modules:
        known = module.path.endswith(("_Pooling", "_Dense")) and "/" not in module.path
        if not module.path or module.kind in ("Normalize", "Dropout") or known:
            continue
        files = (folder / module.path).iterdir() if (folder / module.path).is_dir() else ()
        found += sorted(p for p in files if p.suffix in _HASHED)
    return found


_HASHED = (".json", ".safetensors", ".txt", ".model")
