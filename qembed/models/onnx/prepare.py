"""Open a model's ONNX export, or make it; failures fall back to torch with a one-line reason.

open_encoder    for queries: opens the export if there is a valid one, never makes one
prepare         for `qembed index` and `qembed models prepare`: makes an export if there is none
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from qembed.errors import refusal
from qembed.inputs import as_argument
from qembed.models.environment import DEVICE, RUNTIME, accelerator, version
from qembed.models.model import Say, Stop
from qembed.models.onnx.exporter_process import failure_reason, run_exporter
from qembed.models.profiles import short_name
from qembed.paths import CACHE_HINT

if TYPE_CHECKING:
    from qembed.models.layout.modules import Role
    from qembed.models.onnx.cache import Slot
    from qembed.models.onnx.cross_encoder import OnnxCrossEncoder
    from qembed.models.onnx.encoder import OnnxEncoder
    from qembed.models.onnx.images import OnnxImages
    from qembed.models.onnx.qwen_reranker import OnnxQwenReranker
    from qembed.models.onnx.tokens import ExportTokenizer

SPACE = 2.3
"""Disk space an export takes while it is made, in sizes of the float32 weights: two graphs."""
ABSENT = "onnxruntime is not installed, torch is used (pip install onnxruntime)"


class ExportRequest(NamedTuple):
    """Identity and source of an export. `kind`: encoder, image, cross or qwen; `spec` is for messages.

    `pooling` and `max_tokens` are an encoder's; so is `role`, "" where queries and documents share an export.
    """

    kind: str
    name: str
    spec: str
    folder: Path
    revision: str
    pooling: str
    max_tokens: int
    device: str | None
    role: Role | Literal[""] = ""

    def slot(self) -> Slot:
        """Place of the export in the cache."""
        from qembed.models.onnx.cache import export_slot

        return export_slot(self.kind, self.revision, self.pooling, self.role)

    @property
    def command(self) -> str:
        """Command that makes the export."""
        return f"qembed models prepare {shlex.quote(as_argument(self.spec))}"


def usable(device: str | None) -> bool:
    """True if this process may use exports: on the CPU, unless $QEMBED_RUNTIME says torch."""
    return _unusable(device) is None


def _unusable(device: str | None) -> str | None:
    """Reason for which this process does not use exports, None if it may."""
    if os.environ.get(RUNTIME) == "torch":
        return f"{RUNTIME} is torch (without it, an export is made)"
    if device == "cpu" or (device is None and not accelerator()):
        return None
    where = "a GPU was found" if device is None else f"the device is {device}"
    return f"{where}, and an export is for the CPU ({DEVICE}=cpu makes one)"


def cross_encoder(folder: Path, spec: str, device: str | None) -> ExportRequest:
    """Export request for a cross-encoder in a folder."""
    return _reranker("cross", folder, spec, device)


def qwen_reranker(folder: Path, spec: str, device: str | None) -> ExportRequest:
    """Export request for a Qwen3-Reranker in a folder."""
    return _reranker("qwen", folder, spec, device)


def _reranker(kind: str, folder: Path, spec: str, device: str | None) -> ExportRequest:
    from qembed.models.model_folder import Folder

    revision = Folder(folder).revision()
    name = short_name(spec if spec.strip("./~") else str(folder))
    return ExportRequest(kind, name, spec, folder, revision, "", 0, device)


# ── opening ──────────────────────────────────────────────────────────────────────────────────────


def open_encoder(request: ExportRequest, dim: int) -> tuple[OnnxEncoder | None, str | None]:
    """(exported model, None), or (None, reason for torch; None where no export is expected)."""

    def make(export: Any) -> OnnxEncoder:
        from qembed.models.onnx.encoder import OnnxEncoder

        return OnnxEncoder(export, dim, request.max_tokens)

    return _open(request, make)


def open_pieces(request: ExportRequest) -> ExportTokenizer | None:
    """Tokenizer of an encoder's export, without its graph, if the vocabulary stays on disk."""
    if not usable(request.device) or version("onnxruntime") is None:
        return None
    from qembed.models.onnx.cache import ExportDamaged

    try:
        export = request.slot().export()
        if export is None or not export.facts.get("pieces"):
            return None
        from qembed.models.onnx.tokens import ExportTokenizer

        return ExportTokenizer(export, request.max_tokens)
    except ExportDamaged:
        return None


def open_images(request: ExportRequest) -> tuple[OnnxImages | None, str | None]:
    """Like open_encoder, for a tower of pictures."""

    def make(export: Any) -> OnnxImages:
        from qembed.models.onnx.images import OnnxImages

        return OnnxImages(export)

    return _open(request, make)


def open_cross(request: ExportRequest) -> tuple[OnnxCrossEncoder | None, str | None]:
    """Like open_encoder, for a cross-encoder."""

    def make(export: Any) -> OnnxCrossEncoder:
        from qembed.models.onnx.cross_encoder import load_cross_encoder

        return load_cross_encoder(export)

    return _open(request, make)


def open_qwen(request: ExportRequest) -> tuple[OnnxQwenReranker | None, str | None]:
    """Like open_encoder, for a Qwen3-Reranker."""

    def make(export: Any) -> OnnxQwenReranker:
        from qembed.models.onnx.qwen_reranker import OnnxQwenReranker

        return OnnxQwenReranker(export)

    return _open(request, make)


def _open(request: ExportRequest, make: Callable[[Any], Any]) -> tuple[Any, str | None]:
    if not usable(request.device):
        return None, None
    if version("onnxruntime") is None:
        return None, ABSENT
    from qembed.models.onnx.cache import ExportDamaged

    slot = request.slot()
    try:
        export = slot.export()
        if export is not None:
            return make(export), None
    except ExportDamaged as e:
        return None, f"{e}: torch is used ({slot.mend(request.command, e.__cause__)})"
    except ImportError as e:
        return None, f"onnxruntime cannot be imported, torch is used: {_first_line(e)}"
    if reason := slot.failure():
        return None, _stays_on_torch(request, reason)
    if slot.others():
        return None, (
            f"{request.name} was exported on another CPU or by other libraries, torch is used "
            f"({request.command} exports it anew)"
        )
    return (
        None,
        f"{request.name} is loaded by torch, which takes seconds ({slot.mend(request.command)})",
    )


# ── making ───────────────────────────────────────────────────────────────────────────────────────


def prepare(request: ExportRequest, say: Say, stop: Stop, retry_failed: bool = False) -> str | None:
    """Make the export if there is none. Returns None if there is one now, else the reason in one line.

    `say` receives lines about long work; `retry_failed`: also if an export failed before. Raises
    KeyboardInterrupt when `stop` returns True.
    """
    from qembed.models.onnx.cache import Slot, locked, sweep
    from qembed.models.onnx.eight_bit import FOLDER

    if reason := _unusable(request.device):
        return f"{request.name} runs on torch here: {reason}"
    if version("onnxruntime") is None:
        return ABSENT
    slot = request.slot()
    if retry_failed:
        Slot(slot.folder / FOLDER).forget_failure()
    if _loads(request):
        return None
    if not retry_failed and slot.failure() is not None:
        return _stays_on_torch(request, slot.failure())
    try:
        with locked(
            slot, lambda: say(f"another process is exporting {request.name}: waiting for it"), stop
        ):
            if _loads(request):
                return None
            if not retry_failed and slot.failure() is not None:
                return _stays_on_torch(request, slot.failure())
            slot.forget_failure()
            sweep(slot)
            return _export(slot, request, say, stop)
    except OSError as e:
        reason = f"{slot.top}: {refusal(e)} ({CACHE_HINT})"
        return f"no export of {request.name}, torch is used: {reason}"


def _stays_on_torch(request: ExportRequest, reason: str | None) -> str:
    return f"{request.name} cannot be exported and stays on torch: {reason}"


def _loads(request: ExportRequest) -> bool:
    """True if the export loads; one that onnxruntime refuses is made again."""
    if request.kind == "encoder":
        return open_encoder(request, 1)[0] is not None
    openers = {"qwen": open_qwen, "cross": open_cross, "image": open_images}
    return openers[request.kind](request)[0] is not None


def _export(slot: Slot, request: ExportRequest, say: Say, stop: Stop) -> str | None:
    """Export into a temporary folder, then rename it. The lock must be held. Returns as `prepare`."""
    import shutil
    import tempfile

    from qembed.models.model_folder import Folder

    failure = f"no export of {request.name}, torch is used"
    files = Folder(request.folder, request.role or "document")
    free, needed = shutil.disk_usage(slot.top).free, int(files.float32() * SPACE)
    if free < needed:
        return f"{failure}: {slot.top} has {free >> 20} MiB free, {needed >> 20} are needed"
    say(
        f"exporting {request.name} once (half a minute for a small model), "
        "so that later runs start at once"
    )
    with tempfile.TemporaryDirectory(prefix=".making-", dir=slot.top) as folder:
        out = Path(folder) / "export"
        out.mkdir()
        code, talk = run_exporter(request, out, stop)
        if code == 0:
            if slot.folder.exists():
                shutil.rmtree(slot.folder)
            out.rename(slot.folder)
            slot.export()  # its contents are hashed now, and not by the first query
            if request.kind == "cross":
                open_cross(request)  # which makes its form with products of integers
            return None
        reason = failure_reason(out, code, talk)
    # a full disk or a signal says nothing about the model
    if code in (-2, -15, 130):
        return f"{failure}: the exporter was interrupted"
    if "No space left" in reason or "Read-only" in reason:
        return f"{failure}: {reason}"
    slot.remember_failure(reason)
    return _stays_on_torch(request, reason)


def _first_line(e: BaseException) -> str:
    return next(iter(str(e).strip().splitlines()), type(e).__name__)
