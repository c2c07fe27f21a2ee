"""Conversion of a package's quantised files to a float32 folder of sentence-transformers, in the cache.

    <cache>/models/<name>-<key>/   the folder, with conversion.json: provenance and sha256 of each file
    <cache>/models/<name>.lock     held during a conversion

`<key>` is a hash over the source files and the version of the conversion. The folder appears under its name
by one rename: whole, or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from qembed.errors import ModelUnavailable, refusal
from qembed.models.builtin.registry import BuiltinModel, Format
from qembed.models.checksums import file_sha256
from qembed.paths import CACHE_HINT, cache_folder

VERSION = 1
"""Incremented whenever folders of earlier versions must not be used any more."""
NOTE = "conversion.json"

Convert = Callable[[BuiltinModel, Path, Path], None]
"""Writes the folder (last argument) from the package's files. Raises ModelUnavailable."""


class Conversion(NamedTuple):
    """Converted folder of a built-in model; it may not exist yet."""

    model: BuiltinModel
    folder: Path

    def is_complete(self) -> bool:
        """True if the folder is there and its files have the recorded sha256."""
        try:
            note = json.loads((self.folder / NOTE).read_text("utf-8"))
            sums: dict[str, str] = note["files"]
            return bool(sums) and all(file_sha256(self.folder / n) == s for n, s in sums.items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def make(self, files: Path) -> Path:
        """Convert the package's `files`, checked before; one process at a time. Returns the folder.

        Raises ModelUnavailable if the cache cannot be written.
        """
        from qembed.locks import FileLock

        top = self.folder.parent
        try:
            top.mkdir(parents=True, exist_ok=True)
            with FileLock(top / f"{self.model.name}.lock", math.inf):
                if not self.is_complete():
                    self._convert(files)
        except OSError as e:
            raise ModelUnavailable(
                f"{self.model.name} is converted into {top} once: {refusal(e)} ({CACHE_HINT})"
            ) from e
        return self.folder

    def _convert(self, files: Path) -> None:
        import shutil
        import tempfile

        top = self.folder.parent
        prefix = f".making-{self.model.name}-"
        for left in top.glob(f"{prefix}*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=top) as made:
            out = Path(made) / "model"
            out.mkdir()
            _converter(self.model.format)(self.model, files, out)
            self._note(out)
            if self.folder.exists():  # damaged
                shutil.rmtree(self.folder)
            out.rename(self.folder)
            _sync(top)
        self.is_complete()  # hashed now, and not by the first query

    def _note(self, out: Path) -> None:
        """Write conversion.json, and sync all files."""
        paths = [p for p in sorted(out.rglob("*")) if p.is_file()]
        sums = {}
        for path in paths:
            _sync(path)
            with path.open("rb") as f:
                sums[str(path.relative_to(out))] = hashlib.file_digest(f, "sha256").hexdigest()
        note = {
            "model": self.model.hub,
            "license": self.model.license,
            "source": {"package": self.model.requirement, "sha256": dict(self.model.sha256)},
            "format": self.model.format,
            "conversion": VERSION,
            "weights": "float32 values of the package's quantised weights, not the official ones",
            "files": sums,
        }
        (out / NOTE).write_text(json.dumps(note, indent=1), "utf-8")
        _sync(out / NOTE)
        _sync(out)


def conversion_of(model: BuiltinModel) -> Conversion:
    """Place of a model's conversion in the cache. Touches no file."""
    parts = [model.format, str(VERSION), *(f"{n} {s}" for n, s in sorted(model.sha256.items()))]
    key = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
    return Conversion(model, cache_folder() / "models" / f"{model.name}-{key}")


def _converter(kind: Format) -> Convert:
    if kind == "e5s":
        from qembed.models.builtin.e5s import convert
    else:
        from qembed.models.builtin.onnx_int8 import convert
    return convert


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems do not sync folders
            os.fsync(fd)
    finally:
        os.close(fd)
