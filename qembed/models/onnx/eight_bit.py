"""The 8-bit form of an export, for token vectors that are compared and dropped, never stored.

    <export>/eight-1/         export.json, model.onnx, weights.bin
    <export>/eight-1.failed   reason for which the model has none

It is made of the export when it is first asked for, in a second, and appears by one rename.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.models.environment import cpu
from qembed.models.onnx.cache import Export, ExportDamaged, Slot, write_facts
from qembed.models.onnx.eight_bit_graph import Unsuited, write_eight_bit
from qembed.models.onnx.session import ROWS

if TYPE_CHECKING:
    from qembed.models.onnx.encoder import OnnxEncoder
    from qembed.protocols import TokenEncoder

FOLDER = "eight-1"
"""The number changes whenever earlier ones must not be used any more."""
FLAGS = frozenset(("avx512_vnni", "avx_vnni"))
"""Features of a CPU, of which it needs one: the kernels of others let sums of two products overflow, or are
no faster than float32's."""
LEAST_COSINE = 0.98
"""Of a token's vector with float32's, at the least, on PROBES."""
PROBES = (
    "parcel",
    "Where is my parcel, and when will it arrive?",
    "The quick brown fox jumps over the lazy dog. It rains in the harbour, and nobody minds. " * 9,
    "火星是红色的行星。 Über Größe.",
    "def retry(times: int) -> None:\n    for n in range(times):\n        wait(2 ** n)",
)


def eight_bit(
    export: Export,
    output: str,
    float32: TokenEncoder,
    opened: Callable[[Path], OnnxEncoder],
) -> OnnxEncoder | None:
    """Token encoder by the 8-bit form of an export, None where it has none and cannot have one.

    `output`: the graph's states; `float32`: the export itself; `opened`: its encoder by a graph in a folder.
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
        _make(export, slot, output, float32, opened)
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
    export: Export,
    slot: Slot,
    output: str,
    float32: TokenEncoder,
    opened: Callable[[Path], OnnxEncoder],
) -> None:
    """Make the form in a folder of the model's, check it, rename it.

    Another process that does so at the same time makes the same one: the first stays. What is left of a
    killed one lies where the next export sweeps.
    """
    with tempfile.TemporaryDirectory(prefix=".making-", dir=export.folder.parent) as made:
        out = Path(made) / FOLDER
        out.mkdir()
        write_eight_bit(export.folder, out, output)
        _check(float32, opened(out))
        write_facts(out, {})
        try:
            out.rename(slot.folder)
        except OSError:
            if not slot.folder.is_dir():
                raise


def _check(float32: TokenEncoder, ours: TokenEncoder) -> None:
    """Compare with float32, and texts alone with all at once. Raises Unsuited."""
    import numpy as np

    together = ours.encode_tokens(PROBES)
    for text, wanted, found in zip(PROBES, float32.encode_tokens(PROBES), together, strict=True):
        lowest = float((wanted * found).sum(axis=1).min())
        if not lowest >= LEAST_COSINE:
            raise Unsuited(f"other vectors of tokens than float32 (cosine {lowest:.3f})")
        if not np.array_equal(ours.encode_tokens([text])[0], found):
            raise Unsuited("other vectors of a text alone than in a batch")
