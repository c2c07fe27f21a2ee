"""Documents that a run would delete: the reasons, and the confirmation of the loss of most of an index."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from qembed.corpus import GONE, LeftOutReasons, ReadOptions, counted_reason, read
from qembed.errors import UsageError
from qembed.pipeline.indexing.plan import Key
from qembed.store import Source
from qembed.types import Document, Skipped, SourceFile, Unreadable

GUARDED_DOCUMENTS = 10
"""Documents of an index from which on the loss of more than half of them has to be confirmed."""
NOT_IN_FILE = "no longer in their file"
"""Reason of documents that a file had and has no more, though it was read."""
NOT_READ = "could not be read or encoded"
ELSEWHERE = "in another source now"
"""Reason of a file that a nested source has taken over."""


def describe_reasons(reasons: Mapping[str, int]) -> str:
    """Reasons with their numbers of documents, the commonest first; a single one without its number."""
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(counted_reason(n, why) for why, n in Counter(reasons).most_common())


def lost_records(file: SourceFile, options: ReadOptions, before: int) -> int:
    """Number of documents that a file has less than `before`; 0 where some of it cannot be read.

    A run then keeps what it knows of the file.
    """
    found = 0
    for item in read(file, options):
        if not isinstance(item, Unreadable):
            found += isinstance(item, Document)
        elif item.keep if isinstance(item, Skipped) else True:
            return 0
    return max(0, before - found)


def option_of(reason: str) -> str | None:
    """Option whose value leaves documents out for this reason, None for all other reasons."""
    found = re.match(r"(?:filtered by|larger than) (--[a-z-]+)", reason)
    return found and found[1]


def absence_reasons(
    keys: Iterable[Key], sources: Mapping[str, Source], root: Path, missing: Iterable[str]
) -> dict[Key, str]:
    """Reasons for which a walk of the sources does not find the files of `keys`.

    `root`: of the index, to whose folder the paths in reasons are relative. `missing`: sources that do not
    exist.
    """
    found = {}
    explained: dict[str, LeftOutReasons] = {}
    for key in keys:
        path, name = key
        if path in missing:
            found[key] = GONE
            continue
        if path not in explained:
            explained[path] = _reasons(sources[path], root)
        why = explained[path].reason(name)
        # None: the file has appeared since the walk
        found[key] = GONE if why is None else why.replace(f" {root.parent}{os.sep}", " ")
    return found


def _reasons(source: Source, root: Path) -> LeftOutReasons:
    return LeftOutReasons(
        Path(os.path.normpath(root.parent / source.path)),
        include=source.include,
        exclude=source.exclude,
        use_ignore=source.use_ignore,
        hidden=source.hidden,
        max_size=source.max_file_size,
    )


def is_guarded(lost: int, total: int) -> bool:
    """True if the loss of so many documents is confirmed by somebody first."""
    return total >= GUARDED_DOCUMENTS and 2 * lost > total


class LossGuard:
    """Confirmation asked before a run leaves an index with less than half of its documents.

    `total`: documents before the run, without those whose deletion was asked for; `confirm(question)`: True
    if they may go. Confirmed once is confirmed for the run.
    """

    def __init__(self, total: int, confirm: Callable[[str], bool]) -> None:
        self.total = total
        self._confirm = confirm
        self._is_confirmed = False
        self._reasons: Mapping[str, int] = {}

    def question(self, lost: int, reasons: Mapping[str, int], where: str = "") -> str | None:
        """Question about the loss of `lost` documents, None if it needs no confirmation.

        `where`: the empty folders that they were in, if all of them are gone from such.
        """
        if self._is_confirmed or not is_guarded(lost, self.total):
            return None
        if (unread := lost - sum(reasons.values())) > 0:
            reasons = {**reasons, NOT_READ: unread}
        self._reasons = reasons
        count = f"{lost:,} of {self.total:,} documents"
        if where:
            return f"{count} are gone from {where} (an empty mount?)"
        return f"{count} would be deleted: {describe_reasons(reasons)}"

    def check(self, question: str | None) -> None:
        """Ask a question, if there is one. Raises UsageError if the answer is no."""
        if question is None:
            return
        if not self._confirm(question):
            options = [o for o in map(option_of, self._reasons) if o is not None]
            keep = f"without {' and '.join(dict.fromkeys(options))} they stay, " if options else ""
            raise UsageError(
                f"{question}; nothing was changed ({keep}--yes deletes them from the index)"
            )
        self._is_confirmed = True
