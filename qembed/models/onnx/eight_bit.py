"""The 8-bit form of an export, for what is compared and dropped, never stored: token vectors, and logits.

    <export>/eight-1/         export.json, model.onnx, weights.bin
    <export>/eight-1.failed   reason for which the model has none

It is made of the export when it is first asked for, in a second or two, and appears by one rename.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qembed.models.environment import cpu
from qembed.models.onnx.cache import Export, ExportDamaged, Slot, write_facts
from qembed.models.onnx.eight_bit_graph import Unsuited, write_eight_bit
from qembed.models.onnx.session import ROWS

if TYPE_CHECKING:
    from qembed.models.onnx.cross_encoder import OnnxCrossEncoder
    from qembed.protocols import TokenEncoder

FOLDER = "eight-1"
"""The number changes whenever earlier ones must not be used any more."""
FLAGS = frozenset(("avx512_vnni", "avx_vnni"))
"""Features of a CPU, of which it needs one: the kernels of others let sums of two products overflow, or are
no faster than float32's."""
LEAST_COSINE = 0.98
"""Of a token's vector with float32's, at the least, on PROBES."""
LARGEST_DIFFERENCE = 0.001
"""Of a pair's logit from float32's, at the most, as a share of the range of logits on PAIRS."""
PROBES = (
    "parcel",
    "Where is my parcel, and when will it arrive?",
    "The quick brown fox jumps over the lazy dog. It rains in the harbour, and nobody minds. " * 9,
    "火星是红色的行星。 Über Größe.",
    "def retry(times: int) -> None:\n    for n in range(times):\n        wait(2 ** n)",
)
PAIRS = [
    (query, text)
    for query in ("where is my parcel", "retry", "what does the fox jump over", "火星")
    for text in PROBES
]

T = TypeVar("T")


def eight_bit(
    export: Export,
    output: str,
    opened: Callable[[Path], T],
    check: Callable[[T], None],
    sixteen: bool = False,
) -> T | None:
    """The model by the 8-bit form of its export, None where it has none and cannot have one.

    `output`: of the graph; `opened`: the model by a graph in a folder; `check`: raises Unsuited for one that
    is too far from float32, asked once. `sixteen`: with 16-bit states, see `write_eight_bit`.
    """
    if ROWS not in export.facts["inputs"] or FLAGS.isdisjoint(cpu().split()):
        return None
    slot = Slot(export.folder / FOLDER)
    try:
        if slot.export() is not None:
            return opened(slot.folder)
        if slot.folder.is_dir():
            raise ExportDamaged("its deletion was cut short")
    except ExportDamaged:
        shutil.rmtree(slot.folder, ignore_errors=True)
    if slot.failure() is not None:
        return None
    try:
        _make(export, slot, output, lambda folder: check(opened(folder)), sixteen)
    except (OSError, ImportError, MemoryError):  # of this machine, or onnx is not installed
        return None
    except Exception as e:  # onnxruntime's and onnx's errors have no class in common but this one
        # "Failed to allocate memory" says nothing of the model
        if "alloc" not in str(e):
            slot.remember_failure(f"{type(e).__name__}: {e}"[:300])
        return None
    try:
        return opened(slot.folder)
    except ExportDamaged:  # another process deleted it as damaged: the next start makes it
        return None


def _make(
    export: Export, slot: Slot, output: str, check: Callable[[Path], None], sixteen: bool
) -> None:
    """Make the form in a folder of the model's, check it, rename it.

    Another process that does so at the same time makes the same one: the first stays. What is left of a
    killed one lies where the next export sweeps.
    """
    with tempfile.TemporaryDirectory(prefix=".making-", dir=export.folder.parent) as made:
        out = Path(made) / FOLDER
        out.mkdir()
        write_eight_bit(export.folder, out, output, sixteen)
        check(out)
        write_facts(out, {})
        try:
            out.rename(slot.folder)
        except OSError:
            if not slot.folder.is_dir():
                raise


def check_tokens(float32: TokenEncoder, ours: TokenEncoder) -> None:
    """Compare vectors of tokens with float32's, and texts alone with all at once. Raises Unsuited."""
    together = ours.encode_tokens(PROBES)
    for text, wanted, found in zip(PROBES, float32.encode_tokens(PROBES), together, strict=True):
        lowest = float((wanted * found).sum(axis=1).min())
        if not lowest >= LEAST_COSINE:
            raise Unsuited(f"other vectors of tokens than float32 (cosine {lowest:.3f})")
        _check_alone(ours.encode_tokens([text])[0], found)


def check_logits(float32: OnnxCrossEncoder, ours: OnnxCrossEncoder) -> None:
    """Compare logits of pairs with float32's, and pairs alone with all at once. Raises Unsuited."""
    wanted, found = float32.logits(PAIRS), ours.logits(PAIRS)
    largest = float(abs(wanted - found).max() / max(wanted.max() - wanted.min(), 1e-9))
    if not largest <= LARGEST_DIFFERENCE:
        raise Unsuited(f"other logits than float32 ({largest:.3f} of their range)")
    for n, pair in enumerate(PAIRS):
        _check_alone(ours.logits([pair]), found[n : n + 1])


def _check_alone(alone: Any, beside: Any) -> None:
    import numpy as np

    if not np.array_equal(alone, beside):
        raise Unsuited("another result of a text alone than in a batch")
