"""State of an index whose last run has not come to its end: the run goes on, or was stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import StorageError
from qembed.locks import lock_holder
from qembed.paths import LOCK
from qembed.store import Manifest
from qembed.store.manifest import REBUILD

if TYPE_CHECKING:
    from qembed.store import Writer


@contextmanager
def noted_as_begun(writer: Writer, rebuild: bool, reads_files: bool) -> Iterator[None]:
    """Note in the manifest that the run of the block has begun, of a rebuild in one without documents.

    A kill leaves the note. Any other end takes it back, unless the run has committed: then its fields say
    whether it came to its end. A first run has no manifest to note it in, and one that reads no files nothing
    that another could complete. Raises StorageError.
    """
    present = writer.present
    is_noted = present.documents is not None if rebuild else present.unfinished
    if is_noted or not reads_files or (present.documents is None and not rebuild):
        yield
        return
    noted = writer.note() if rebuild else writer.note(unfinished=True)
    try:
        yield
    finally:
        if writer.present is noted:
            with contextlib.suppress(StorageError, OSError):
                if rebuild:
                    (writer.root / REBUILD).unlink(missing_ok=True)
                else:
                    writer.note(unfinished=False)


def writing_process(root: Path) -> str | None:
    """Process id of the writer of the index at `root` as text, "" if it is not known; None without one.

    Raises OSError if the file system has no locks.
    """
    return lock_holder(root / LOCK)


def writer_number(root: Path) -> int | None:
    """Process id of the writer of an index, 0 if it is not known; None without one."""
    try:
        process = writing_process(root)
    except OSError:  # nobody can tell
        return None
    return None if process is None else int(process) if process.isdecimal() else 0


def describe_unfinished(root: Path, mend: str = "qembed index completes it") -> str:
    """Clause on the last run: `process 4711 writes to it`, or that it was stopped, with the `mend`."""
    try:
        process = writing_process(root)
    except OSError:
        return f"a run goes on, or was stopped ({mend})"
    if process is None:
        return f"a run was stopped before its end ({mend})"
    return f"{f'process {process}' if process else 'another process'} writes to it"


def unfinished_warnings(root: Path, manifest: Manifest) -> list[str]:
    """Warning on what answers may lack: most documents of a first run, changes of a later one.

    Empty once the last run has come to its end.
    """
    if not manifest.unfinished:
        return []
    what = "the index may lack the latest changes"
    if manifest.is_half_made:
        documents = manifest.counts.get("documents", 0)
        many = "1 document" if documents == 1 else f"{documents:,} documents"
        what = f"the index is half made, with {many} so far"
    return [f"{what}: {describe_unfinished(root)}"]
