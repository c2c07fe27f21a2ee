"""State of an index whose last run has not come to its end: the run goes on, or was stopped."""

from __future__ import annotations

from pathlib import Path

from qembed.locks import lock_holder
from qembed.paths import LOCK
from qembed.store import Manifest


def writing_process(root: Path) -> str | None:
    """Process id of the writer of the index at `root` as text, "" if it is not known; None without one.

    Raises OSError if the file system has no locks.
    """
    return lock_holder(root / LOCK)


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
