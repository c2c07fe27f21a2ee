"""Gets a model an export, and opens the one it has. What does not work out ends on torch, with one line.

open_encoder    what a query does: the export if there is a good one, never makes one
prepare         what `qembed index` and `qembed models prepare` do before: makes one if there is none
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.environment import accelerator, version
from qembed.models.model import Say, Stop
from qembed.models.profiles import short_name

if TYPE_CHECKING:
    from qembed.models.onnx.cache import Slot
    from qembed.models.onnx.cross_encoder import OnnxCross
    from qembed.models.onnx.encoder import OnnxEncoder
    from qembed.models.onnx.qwen_reranker import OnnxQwen

RUNTIME = "QEMBED_RUNTIME"
"""Environment variable: `torch` leaves exports alone."""
TIMEOUT = 1800.0
"""Seconds after which an exporter is taken for stuck."""
SPACE = 2.3
"""Room an export needs while it is made, in sizes of the weights in float32: the raw graph and the other."""
ABSENT = "onnxruntime is not installed, torch is used (pip install onnxruntime)"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is to be exported. `kind`: encoder, cross or qwen; `spec` is for messages.

    `pooling` and `max_tokens` are an encoder's.
    """

    kind: str
    name: str
    spec: str
    folder: Path
    revision: str
    pooling: str
    max_tokens: int
    device: str | None

    def slot(self) -> Slot:
        """Where its export belongs."""
        from qembed.models.onnx.cache import slot

        return slot(self.kind, self.revision, self.pooling)

    @property
    def command(self) -> str:
        """What a user can do about a missing export."""
        return f"qembed models prepare {self.spec}"


def usable(device: str | None) -> bool:
    """Whether exports are for this process: it runs on the CPU and was not told to use torch."""
    if os.environ.get(RUNTIME) == "torch":
        return False
    return device == "cpu" or (device is None and not accelerator())


def cross_encoder(folder: Path, spec: str, device: str | None) -> ExportRequest:
    """A cross-encoder in a folder."""
    return _reranker("cross", folder, spec, device)


def qwen_reranker(folder: Path, spec: str, device: str | None) -> ExportRequest:
    """A Qwen3-Reranker in a folder."""
    return _reranker("qwen", folder, spec, device)


def _reranker(kind: str, folder: Path, spec: str, device: str | None) -> ExportRequest:
    from qembed.models.model_folder import Folder

    revision = Folder(folder).revision()
    return ExportRequest(kind, short_name(str(folder)), spec, folder, revision, "", 0, device)


# ── opening ──────────────────────────────────────────────────────────────────────────────────────


def open_encoder(wanted: ExportRequest, dim: int) -> tuple[OnnxEncoder | None, str | None]:
    """(the exported model, None), or (None, a line that says why it is torch, if that is news)."""

    def make(export: Any) -> OnnxEncoder:
        from qembed.models.onnx.encoder import OnnxEncoder

        return OnnxEncoder(export, dim, wanted.max_tokens)

    return _open(wanted, make)


def open_cross(wanted: ExportRequest) -> tuple[OnnxCross | None, str | None]:
    """As open_encoder, for a cross-encoder."""

    def make(export: Any) -> OnnxCross:
        from qembed.models.onnx.cross_encoder import OnnxCross

        return OnnxCross(export)

    return _open(wanted, make)


def open_qwen(wanted: ExportRequest) -> tuple[OnnxQwen | None, str | None]:
    """As open_encoder, for a Qwen3-Reranker."""

    def make(export: Any) -> OnnxQwen:
        from qembed.models.onnx.qwen_reranker import OnnxQwen

        return OnnxQwen(export)

    return _open(wanted, make)


def _open(wanted: ExportRequest, make: Callable[[Any], Any]) -> tuple[Any, str | None]:
    if not usable(wanted.device):
        return None, None
    if version("onnxruntime") is None:
        return None, ABSENT
    from qembed.models.onnx.cache import ExportDamaged

    place = wanted.slot()
    try:
        export = place.export()
        if export is not None:
            return make(export), None
    except ExportDamaged as e:
        return None, f"{e}: torch is used ({wanted.command} mends it)"
    except ImportError as e:
        return None, f"onnxruntime cannot be imported, torch is used: {_line(e)}"
    if reason := place.failure():
        return None, _stays(wanted, reason)
    if place.others():
        return None, (
            f"{wanted.name} was exported on another CPU or by other libraries, torch is used "
            f"({wanted.command} exports it anew)"
        )
    return (
        None,
        f"{wanted.name} is loaded by torch, which takes seconds ({wanted.command} mends it)",
    )


# ── making ───────────────────────────────────────────────────────────────────────────────────────


def prepare(wanted: ExportRequest, say: Say, stop: Stop, again: bool = False) -> str | None:
    """Sees to it that there is an export: None if there is, else one line that says why there is not.

    `say` gets what takes time; `again`: also try what failed before. Raises KeyboardInterrupt when
    `stop` says so.
    """
    from qembed.models.onnx.cache import locked, sweep

    if not usable(wanted.device):
        return f"{wanted.name} runs on torch here: an export is for the CPU"
    if version("onnxruntime") is None:
        return ABSENT
    place = wanted.slot()
    if _whole(wanted):
        return None
    if not again and place.failure() is not None:
        return _stays(wanted, place.failure())
    try:
        with locked(
            place, lambda: say(f"another process is exporting {wanted.name}: waiting for it"), stop
        ):
            if _whole(wanted):
                return None
            if not again and place.failure() is not None:
                return _stays(wanted, place.failure())
            place.forget_failure()
            sweep(place)
            return _make(place, wanted, say, stop)
    except OSError as e:
        return f"no export of {wanted.name}, torch is used: {place.top}: {e.strerror or e}"


def _stays(wanted: ExportRequest, reason: str | None) -> str:
    return f"{wanted.name} cannot be exported and stays on torch: {reason}"


def _whole(wanted: ExportRequest) -> bool:
    """Whether it loads: what the cache believes and onnxruntime does not is made anew as well."""
    if wanted.kind == "encoder":
        return open_encoder(wanted, 1)[0] is not None
    return (open_qwen if wanted.kind == "qwen" else open_cross)(wanted)[0] is not None


def _make(place: Slot, wanted: ExportRequest, say: Say, stop: Stop) -> str | None:
    """Under the lock: exports into a folder of its own, then gives it its name."""
    import shutil
    import tempfile

    from qembed.models.model_folder import Folder

    none = f"no export of {wanted.name}, torch is used"
    free, needed = shutil.disk_usage(place.top).free, int(Folder(wanted.folder).float32() * SPACE)
    if free < needed:
        return f"{none}: {place.top} has {free >> 20} MiB free, {needed >> 20} are needed"
    say(
        f"exporting {wanted.name} once (half a minute for a small model), "
        "so that later runs start at once"
    )
    with tempfile.TemporaryDirectory(prefix=".making-", dir=place.top) as made:
        out = Path(made) / "export"
        out.mkdir()
        code, talk = _run(wanted, out, stop)
        if code == 0:
            if place.folder.exists():
                shutil.rmtree(place.folder)
            out.rename(place.folder)
            place.export()  # its contents are hashed now, and not by the first query
            return None
        reason = _reason(out, code, talk)
    # a full disk or a signal says nothing about the model
    if code in (-2, -15, 130):
        return f"{none}: the exporter was interrupted"
    if "No space left" in reason or "Read-only" in reason:
        return f"{none}: {reason}"
    place.remember_failure(reason)
    return _stays(wanted, reason)


def _run(wanted: ExportRequest, out: Path, stop: Stop) -> tuple[int, str]:
    """(exit code, the end of its stderr) of the exporter."""
    import json
    import subprocess
    import sys
    import time

    request = {
        "kind": wanted.kind,
        "folder": str(wanted.folder),
        "out": str(out),
        "pooling": wanted.pooling,
        "max_tokens": wanted.max_tokens,
        "revision": wanted.revision,
    }
    # -P: the user's folder may hold a torch.py; what we are is appended, in case it is not installed
    home = str(Path(__file__).parents[2])
    program = (
        f"import sys; sys.path.append({home!r}); "
        "from qembed.models.onnx_export.export import main; sys.exit(main())"
    )
    log = out.parent / "log"
    with log.open("wb") as talk:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=talk,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"},
        )
        try:
            assert process.stdin is not None
            with process.stdin:
                process.stdin.write(json.dumps(request).encode())
            until = time.monotonic() + TIMEOUT
            while True:
                try:
                    code = process.wait(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    if stop():
                        raise KeyboardInterrupt from None
                    if time.monotonic() > until:
                        return 1, f"the exporter took more than {TIMEOUT:.0f} s"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return code, log.read_text("utf-8", "replace")[-4000:]


def _reason(out: Path, code: int, talk: str) -> str:
    try:
        return (out / "reason").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        lines = [line for line in talk.splitlines() if line.strip()]
        if code < 0:
            return f"the exporter was killed by signal {-code} (out of memory?)"
        return lines[-1].strip()[:300] if lines else f"the exporter ended with code {code}"


def _line(e: BaseException) -> str:
    return next(iter(str(e).strip().splitlines()), type(e).__name__)
