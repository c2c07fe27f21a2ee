"""Structure of two model folders compared: what each file says, whichever version of a library wrote it."""

from __future__ import annotations

import math
from typing import Any

from qembed.models.layout.modules import VECTOR, Module
from qembed.models.model_folder import VOCABULARIES, Folder

IGNORED = frozenset(
    {"transformers_version", "_name_or_path", "torch_dtype", "dtype", "use_cache", "__version__",
     "bos_token_id", "eos_token_id"}
)  # fmt: skip
"""Fields of a config.json that say how it was saved, and nothing of what a text becomes.

A trainer copies the tokenizer's ids there, which are compared by its tokens.
"""
_MODULE_DEFAULTS = {"module_input_name": VECTOR, "module_output_name": VECTOR}
_UNKNOWN = object()


def structure_differences(first: Folder, second: Folder) -> list[str]:
    """Files in which two folders describe other models: modules, their configuration, the tokenizer.

    Prompts and limits may differ. A field that one file lacks has the default of its architecture. Raises
    ModelUnavailable for a broken file.
    """
    found = []
    if first.modules() != second.modules():
        found.append("modules.json: other modules")
    one, other = first.json("config.json"), second.json("config.json")
    found += _differences("config.json", one, other, _defaults(one, other))
    for a, b in zip(first.module_list, second.module_list, strict=False):
        if a.path:
            found += _differences(f"{a.path}/config.json", _fields(a), _fields(b), _MODULE_DEFAULTS)
    both = [_tokenizers(folder, "tokenizer.json") for folder in (first, second)]
    if all(both) and not _alike(*both):
        found.append("tokenizer.json: other tokens")
    if not all(both):  # a whole tokenizer makes its vocabulary's file needless
        found += [
            f"{name}: other tokens"
            for name in VOCABULARIES
            if _tokenizers(first, name) != _tokenizers(second, name)
        ]
    return found


def _differences(
    name: str, one: dict[str, Any], other: dict[str, Any], defaults: dict[str, Any]
) -> list[str]:
    found = []
    for key in sorted({*one, *other} - IGNORED):
        a, b = (body.get(key, defaults.get(key, _UNKNOWN)) for body in (one, other))
        if a != b and _UNKNOWN not in (a, b):
            found.append(f"{name}: {key} is {a!r} and {b!r}")
    return found


def _fields(module: Module) -> dict[str, Any]:
    """Fields of a module's config.json; of Pooling what its flags before sentence-transformers 6 mean."""
    if module.kind != "Pooling":
        return {**module.config}
    return {
        "pooling_mode": module.pooling_modes,
        "include_prompt": not module.leaves_out_prompt,
    }


def _defaults(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Defaults of an architecture, where one file has fields that the other lacks."""
    kind = one.get("model_type")
    if one.keys() - IGNORED == other.keys() - IGNORED or not isinstance(kind, str):
        return {}
    from transformers import AutoConfig

    try:
        found: dict[str, Any] = AutoConfig.for_model(kind).to_dict()
    except ValueError:  # an architecture that transformers does not know
        return {}
    return found


def _alike(one: Any, other: Any) -> bool:
    """True for two JSON values that are the same but for the last digits of numbers.

    A tokenizer that is read and written again has other ones in the scores of its tokens.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(v, other[k]) for k, v in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if {type(one), type(other)} <= {int, float}:
        return math.isclose(one, other, rel_tol=1e-9)
    return type(one) is type(other) and bool(one == other)


def _tokenizers(folder: Folder, pattern: str) -> dict[str, Any]:
    """Content of the tokenizer's files without limits of length, by path inside the folder."""
    found: dict[str, Any] = {}
    for path in sorted(folder.path.rglob(pattern)):
        name = path.relative_to(folder.path).as_posix()
        if path.suffix == ".json":
            body = folder.json(name)
            found[name] = {k: v for k, v in body.items() if k not in ("truncation", "padding")}
        else:
            found[name] = path.read_bytes()
    return found
