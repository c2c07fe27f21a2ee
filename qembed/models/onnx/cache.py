"""Cache of exported models: their folders, checksums, and reasons of failed exports.

    <cache>/onnx/<model>/<machine>/         export.json, model.onnx, weights.bin, tokenizer.json
    <cache>/onnx/<model>/<machine>/eight-1/ its form with 8-bit products: see eight_bit
    <cache>/onnx/<model>/<machine>.failed   reason of a failed export, which is not tried again
    <cache>/onnx/<model>/lock               held during an export

`<model>` is a hash over the model's content, pooling and role, `<machine>` over this CPU and the libraries
that made the graph. A folder appears under its name by one rename: whole, or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from qembed.errors import StorageError, refusal
from qembed.models.checksums import file_sha256
from qembed.models.environment import cpu, version
from qembed.outputs import check_outputs
from qembed.paths import CACHE_HINT, cache_folder

FORMAT = 6
"""Incremented whenever exports of earlier versions must not be used any more, or are slower."""
LIBRARIES = ("torch", "transformers", "sentence-transformers", "onnxruntime")
FACTS = "export.json"
GRAPH = "model.onnx"
WEIGHTS = "weights.bin"
TOKENIZER = "tokenizer.json"
KEPT_EXPORTS = 3
"""Exports of one model for other CPUs or libraries that are kept beside a new one."""


class Export(NamedTuple):
    """Complete export. `facts`: content of export.json."""

    folder: Path
    facts: dict[str, Any]


class ExportDamaged(Exception):
    """Damaged export: its files differ from those that were written."""


class Slot(NamedTuple):
    """Place of one model's export for this machine in the cache."""

    folder: Path

    @property
    def top(self) -> Path:
        """Folder of the model, for all machines."""
        return self.folder.parent

    @property
    def _failed(self) -> Path:
        return self.folder.with_name(self.folder.name + ".failed")

    def export(self) -> Export | None:
        """Read the export, None if there is none. Raises ExportDamaged.

        Files are hashed once after each change of size, time or inode, like a model's weights.
        """
        try:
            text = (self.folder / FACTS).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as e:
            reason = refusal(e) if isinstance(e, OSError) else str(e)
            raise ExportDamaged(f"{self.folder / FACTS}: {reason}") from e
        try:
            facts = json.loads(text)
            for name, expected in facts["files"].items():
                if file_sha256(self.folder / name) != expected:
                    raise ExportDamaged(f"{self.folder / name} was altered")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
            raise ExportDamaged(f"{self.folder}: {e}") from e
        return Export(self.folder, facts)

    def mend(self, command: str, cause: BaseException | None = None) -> str:
        """Clause on the command that makes the export, or on the cache folder where that cannot be used."""
        try:
            check_outputs([], folders=[self.folder / "new"])
        except StorageError:
            return CACHE_HINT
        return CACHE_HINT if isinstance(cause, PermissionError) else f"{command} mends it"

    def failure(self) -> str | None:
        """Reason of a failed export, None if none failed."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return self._failed.read_text("utf-8").strip() or None
        return None

    def remember_failure(self, reason: str) -> None:
        """Record a failed export, so that it is not tried again."""
        with contextlib.suppress(OSError):
            partial = self._failed.with_suffix(f".{os.getpid()}")
            partial.write_text(reason, "utf-8")
            partial.replace(self._failed)

    def forget_failure(self) -> None:
        """Delete the record of a failed export."""
        with contextlib.suppress(OSError):
            self._failed.unlink(missing_ok=True)

    def others(self) -> bool:
        """True if there are exports of this model for another CPU or other libraries."""
        return any(p.parent != self.folder for p in self.top.glob(f"*/{FACTS}"))


def export_slot(kind: str, revision: str, pooling: str = "", role: str = "") -> Slot:
    """Slot of a model's export. `kind`: encoder, cross or qwen. Touches no file of the cache.

    `role`: use of the texts, where queries and documents have exports of their own.
    """
    model = _hash(kind, revision, pooling, *([role] if role else []))
    machine = _hash(str(FORMAT), *(f"{n} {version(n)}" for n in LIBRARIES), cpu())
    return Slot(cache_folder() / "onnx" / model / machine)


def _hash(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


@contextmanager
def locked(slot: Slot, waiting: Callable[[], None], stop: Callable[[], bool]) -> Iterator[None]:
    """Hold the lock of the model's cache folder, waiting for another holder without limit.

    `waiting` is called once before the first wait. Raises OSError where nothing can be written, and
    KeyboardInterrupt if `stop` returns True during the wait.
    """
    from qembed.locks import FileLock  # exports only: a query takes no lock

    slot.top.mkdir(parents=True, exist_ok=True)
    with FileLock(slot.top / "lock", math.inf, on_wait=waiting, stop=stop):
        yield


def sweep(slot: Slot) -> None:
    """Delete leftovers of killed exporters, and all but the newest exports for other machines.

    The lock must be held.
    """
    import shutil

    for left in slot.top.glob(".making-*"):
        shutil.rmtree(left, ignore_errors=True)
    other = [p.parent for p in slot.top.glob(f"*/{FACTS}") if p.parent != slot.folder]
    for old in sorted(other, key=lambda p: p.stat().st_mtime)[:-KEPT_EXPORTS]:
        shutil.rmtree(old, ignore_errors=True)


def write_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write export.json with the checksums of the other files, and sync all. Last step of an export."""
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and p.name != FACTS]
    for path in files:
        _sync(path)
    sums = {}
    for path in files:
        with path.open("rb") as f:
            sums[path.name] = hashlib.file_digest(f, "sha256").hexdigest()
    path = folder / FACTS
    path.write_text(json.dumps({**facts, "files": sums}, indent=1), "utf-8")
    _sync(path)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
