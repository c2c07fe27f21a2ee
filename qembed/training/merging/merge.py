"""Merging of two models: each weight interpolated, along a straight line or along the sphere.

Weights half-way between a model and its fine-tuned copy often keep what the copy has learned and lose less
of what it has forgotten (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from qembed.errors import ModelUnavailable, UsageError
from qembed.evaluation.report.markdown_text import code, escape, table
from qembed.inputs import as_argument
from qembed.models.model_folder import WEIGHTS, Folder
from qembed.training.merging.structure import structure_differences
from qembed.training.model_folders import (
    CARD,
    copy_without_weights,
    keep_profile,
    new_model_folder,
    trainable_folder,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Tensor = npt.NDArray[Any]

Method = Literal["slerp", "linear"]
METHODS: tuple[Method, ...] = ("slerp", "linear")
NEARLY_PARALLEL = 0.9995
"""Cosine of two tensors, as vectors, above which the arc between them is taken for a straight line."""

POOLER = "pooler."
"""Weights of a transformer's own pooling, which those of sentence-transformers' modules stand in for."""


@dataclass(frozen=True, slots=True)
class MergeSummary:
    """Outcome of a merge. `tensors`: merged; `straight`: those of them that lie nearly parallel."""

    out: Path
    first: str
    second: str
    weight: float
    method: Method
    tensors: int
    straight: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """JSON object of a training's outcome; a merge alone has no verdict."""
        return {
            "schema": 1,
            "out": str(self.out),
            "written": True,
            "settings": {
                "first": self.first,
                "second": self.second,
                "weight": self.weight,
                "method": self.method,
                "tensors": self.tensors,
                "straight": self.straight,
            },
            "verdict": None,
            "seconds": {"total": round(self.seconds, 3)},
        }


def merge_models(
    first: str, second: str, out: Path, *, weight: float = 0.5, method: Method = "slerp"
) -> MergeSummary:
    """Write a model between two others to `out`. Everything but the weights is the first one's.

    `weight`: of the second, from 0 to 1. Raises UsageError for models of different structure,
    ModelUnavailable, StorageError.
    """
    if not 0 <= weight <= 1:
        raise UsageError(f"--weight {weight:g}: from 0, the first model, to 1, the second")
    began = time.perf_counter()
    one, other = trainable_folder(first), trainable_folder(second)
    if differs := structure_differences(one, other):
        raise UsageError(
            "\n  ".join([f"{first} and {second} are not models of one structure:", *differs])
        )
    with new_model_folder(out) as folder:
        copy_without_weights(one, folder)
        keep_profile([first, second], folder)
        tensors, straight = _merge_files(one, other, folder, weight, method)
        summary = MergeSummary(
            out, first, second, weight, method, tensors, straight, time.perf_counter() - began
        )
        (folder / CARD).write_text(_card(summary, one.revision(), other.revision()), "utf-8")
    return summary


def _merge_files(
    one: Folder, other: Folder, to: Path, weight: float, method: Method
) -> tuple[int, int]:
    """Write the first model's files of weights anew; returns (tensors, straight ones)."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    known = _places(other)
    places = _places(one)
    # older libraries also wrote buffers, the positions 0, 1, 2 …, and a pooler that nothing reads
    differ = [
        k
        for k in places.keys() ^ known.keys()
        if _is_weight({**places, **known}[k], k[1])
        and not (one.module_list and k[1].startswith(POOLER))
    ]
    if differ:
        names = [f"{place}/{name}" for place, name in sorted(differ)]
        raise UsageError(
            f"{one.path} and {other.path} hold other tensors: {', '.join(names[:5])}"
            + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        )
    tensors = straight = 0
    for path in sorted(set(places.values())):
        merged: dict[str, Tensor] = {}
        with safe_open(str(path), framework="np") as stream:
            metadata = stream.metadata()
        for name, a in _tensors(path).items():
            key = (path.parent.relative_to(one.path).as_posix(), name)
            if key not in known:
                merged[name] = a
                continue
            b = _tensors(known[key], name)[name]
            merged[name], is_straight = _merged(name, a, b, weight, method)
            tensors += 1
            straight += is_straight
        file = to / path.relative_to(one.path)
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(merged, str(file), metadata=metadata)
    for index in one.path.rglob(f"{WEIGHTS}.index.json"):  # of weights in several files
        target = to / index.relative_to(one.path)
        target.write_bytes(index.read_bytes())
    return tensors, straight


def _places(folder: Folder) -> dict[tuple[str, str], Path]:
    """File of each tensor, by its folder inside the model's and its name."""
    from safetensors import SafetensorError, safe_open

    found = {}
    for path in sorted(folder.path.rglob(WEIGHTS)):
        try:
            with safe_open(str(path), framework="np") as stream:
                for name in stream.keys():  # noqa: SIM118 - no mapping
                    found[path.parent.relative_to(folder.path).as_posix(), name] = path
        except (SafetensorError, OSError) as e:
            raise ModelUnavailable(f"{path}: {e}") from e
    return found


def _is_weight(path: Path, name: str) -> bool:
    """False for a tensor of whole numbers."""
    from safetensors import safe_open

    with safe_open(str(path), framework="np") as stream:
        kind = str(stream.get_slice(name).get_dtype())
    return not kind.startswith(("I", "U", "BOOL"))


def _tensors(path: Path, name: str | None = None) -> Mapping[str, Tensor]:
    """All tensors of a file, or the named one."""
    import ml_dtypes  # noqa: F401 - makes bfloat16 known to numpy
    from safetensors import safe_open

    with safe_open(str(path), framework="np") as stream:
        names: Sequence[str] = stream.keys() if name is None else [name]
        return {n: stream.get_tensor(n) for n in names}


def _merged(name: str, a: Tensor, b: Tensor, weight: float, method: Method) -> tuple[Tensor, bool]:
    """The tensor between two, in the first one's type, and True if they are nearly parallel."""
    import numpy as np

    if a.shape != b.shape:
        raise UsageError(f"{name}: {list(a.shape)} and {list(b.shape)} cannot be merged")
    if a.dtype.kind not in "fV":  # V: bfloat16
        if not np.array_equal(a, b):
            raise UsageError(f"{name}: whole numbers, which differ and cannot be merged")
        return a, False
    x, y = a.astype(np.float64), b.astype(np.float64)
    shares, straight = merge_weights(x.ravel(), y.ravel(), weight, method)
    return (shares[0] * x + shares[1] * y).astype(a.dtype), straight


def merge_weights(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], weight: float, method: Method
) -> tuple[tuple[float, float], bool]:
    """Factors of `a` and `b`, float64 (n,), and True if the vectors are nearly parallel.

    slerp (Shoemake 1985): sin((1 - t) w) / sin w and sin(t w) / sin w for the angle w between them.
    """
    import numpy as np

    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    # a right angle beside a vector of zeros; between two of them any path is the same
    cosine = float(a @ b) / (lengths[0] or 1.0) / (lengths[1] or 1.0)
    cosine = max(-1.0, min(1.0, cosine))
    straight = abs(cosine) > NEARLY_PARALLEL or lengths == (0.0, 0.0)
    if method == "linear" or straight:
        return (1 - weight, weight), straight
    angle = math.acos(cosine)
    factors = (math.sin((1 - weight) * angle), math.sin(weight * angle))
    return (factors[0] / math.sin(angle), factors[1] / math.sin(angle)), False


def _card(summary: MergeSummary, first: str, second: str) -> str:
    """Model card: what was merged, and how to repeat it."""
    words = ["qembed", "train", "merge", *map(as_argument, (summary.first, summary.second))]
    options = ["--weight", f"{summary.weight:g}", "--method", summary.method]
    command = shlex.join([*words, *options, "--out", summary.out.name])
    rows = [
        ("first model", f"{summary.first}, revision {first[:12]}"),
        ("second model", f"{summary.second}, revision {second[:12]}"),
        ("weight of the second", f"{summary.weight:g}"),
        ("method", summary.method),
        ("tensors", f"{summary.tensors}, {summary.straight} of them nearly parallel"),
    ]
    return f"""---
library_name: sentence-transformers
tags: [sentence-transformers, feature-extraction, merge]
---

# {escape(summary.out.name)}

Made by `qembed train merge`: weights between two models.

{table(["", ""], rows)}

To repeat it: {code(command)}
"""
