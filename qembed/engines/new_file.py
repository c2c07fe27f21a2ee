"""Files of an export: written under another name, and there at once when they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qembed.errors import StorageError, UsageError, refusal
from qembed.outputs import whole_file


def check_new(path: Path, force: bool) -> None:
    """Raise UsageError for a path that is taken, unless `force`; StorageError if its folder is not there."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already (--force replaces it)")
    if not path.absolute().parent.is_dir():
        raise StorageError(f"cannot write {path}: there is no folder {path.absolute().parent}")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Path to write to in the block; it becomes `path` at its end, or is removed after an error."""
    try:
        with whole_file(path) as part:
            yield part
    except OSError as e:
        raise StorageError(f"cannot write {path}: {refusal(e)}") from e
