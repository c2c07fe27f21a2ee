"""Folders that no encoder can be loaded from: code of their own, adapters, quantised weights, other kinds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qembed.errors import ModelUnavailable
from qembed.models.environment import installed_path, version

_QUANTISERS = {
    "gptq": "gptqmodel",
    "awq": "gptqmodel",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed-tensors",
    "torchao": "torchao",
    "hqq": "hqq",
    "aqlm": "aqlm",
    "eetq": "eetq",
    "quanto": "optimum-quanto",
    "fbgemm_fp8": "fbgemm-gpu",
}
"""Method in config.json -> package that transformers loads such weights with."""
_OTHER_TYPES = {
    "SparseEncoder": "gives sparse vectors",
    "CrossEncoder": "scores pairs (--rerank takes it)",
    "MultiVectorEncoder": "gives one vector a token",
}


def check_model_type(folder: Path, settings: Mapping[str, Any]) -> None:
    """Raise ModelUnavailable if sentence-transformers saved another kind of model there."""
    kind = str(settings.get("model_type") or "")
    if kind in _OTHER_TYPES:
        raise ModelUnavailable(f"{folder}: a {kind}, which {_OTHER_TYPES[kind]}, is no encoder")


def check_transformer(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise ModelUnavailable if the transformer in a folder cannot be loaded, naming what is missing."""
    if (folder / "adapter_config.json").is_file():
        raise ModelUnavailable(
            f"{folder}: an adapter of {_adapter_base(folder)}, without that model's weights (load both "
            "with peft, merge_and_unload(), and save the result)"
        )
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(f"{folder}: no model there (config.json is missing)")
    kind = str(config.get("model_type") or "")
    needs_code = isinstance(config.get("auto_map"), dict) and "AutoModel" in config["auto_map"]
    if needs_code and not _is_known(kind):
        raise ModelUnavailable(
            f"{folder}: needs code that comes with the model ({config['auto_map']['AutoModel']}), which "
            f"is not run: the installed transformers has no model type {kind!r}"
        )
    quantised = config.get("quantization_config")
    method = str(quantised.get("quant_method") or "") if isinstance(quantised, dict) else ""
    if quantised and (package := _QUANTISERS.get(method, "")) and version(package) is None:
        raise ModelUnavailable(
            f"{folder}: its weights are quantised by {method}, which needs the package {package} "
            "(or take the model's unquantised weights)"
        )


def _adapter_base(folder: Path) -> str:
    try:
        body = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        return str(body["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError):
        return "another model"


def _is_known(kind: str) -> bool:
    """True if the installed transformers has code for a model type, or may have it."""
    place = installed_path("transformers", "transformers/models")
    return place is None or (place / kind.replace("-", "_")).is_dir()


def static_width(folder: Path) -> int:
    """Dimensions of a StaticEmbedding, from the head of its weights. Raises ModelUnavailable."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with path.open("rb") as f:
                head = json.loads(f.read(int.from_bytes(f.read(8), "little")))
            for name in ("embedding.weight", "embeddings"):
                if name in head:
                    return int(head[name]["shape"][1])
        except (OSError, ValueError, KeyError, IndexError, TypeError, OverflowError, MemoryError):
            continue
    raise ModelUnavailable(f"{folder}: no table of token vectors in its weights")
