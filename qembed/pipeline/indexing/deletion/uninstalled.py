"""Files that an index has documents of, and whose reader is not installed now: no text of theirs is new.

One that is as it was when it was read is left out, as a new one is; any other is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Container

from qembed.pipeline.indexing.plan import Key, is_as_read
from qembed.store import FileState
from qembed.types import Skipped, SourceFile, Unreadable

STAYS = "; what the index has of it is from before it changed"


def failure_of(
    item: Skipped, file: SourceFile, state: FileState | None, replaced: Container[Key] = ()
) -> Unreadable | None:
    """Failure of a file that is skipped for want of its reader, None if nothing is lost or old by that.

    `state`: of the file in the index, None without one; `replaced`: files that a rebuild takes the place of.
    """
    if not item.keep:
        return None
    if (file.source, file.name) in replaced:
        return Unreadable(os.fspath(file.location), item.error)
    if state is None or is_as_read(file, state):
        return None
    return Unreadable(os.fspath(file.location), f"{item.error}{STAYS}")
