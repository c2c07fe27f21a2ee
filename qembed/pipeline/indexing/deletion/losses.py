"""Documents that a run would delete: the reasons, and the confirmation of the loss of most of an index."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from qembed.corpus import GONE, LeftOutReasons, ReadOptions, counted_reason, read
from qembed.errors import UsageError
from qembed.pipeline.indexing.deletion.emptied import has_text
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.skipped_files import by_number, describe_skipped
from qembed.store import FileState, Source
from qembed.types import Document, Skipped, SourceFile, Unreadable

GUARDED_DOCUMENTS = 10
"""Documents of an index, or of a source, from which on the loss of more than half has to be confirmed."""
NOT_IN_FILE = "no longer in their file"
"""Reason of documents that a file had and has no more, though it was read."""
NO_TEXT = "have no text any more"
"""Reason of documents that had text; they stay, without it."""
NOT_READ = "could not be read or encoded"
UNNAMED = "their source is not named (--rebuild without PATH keeps all)"
"""Reason of documents whose source a rebuild with PATH leaves out."""
ELSEWHERE = "in another source now"
"""Reason of a file that a nested source has taken over."""


def describe_reasons(reasons: Mapping[str, int]) -> str:
    """Reasons with their numbers of documents, the commonest first; a single one without its number."""
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(counted_reason(n, why) for why, n in by_number(reasons))


def lost_records(
    file: SourceFile, options: ReadOptions, before: int, textless: Callable[[], int] = int
) -> tuple[int, int]:
    """Numbers of documents that a file has less than `before`, and of those that have lost their text.

    `textless()`: documents without text that it had before. (0, 0) where some of it cannot be read: a run
    then keeps what it knows of the file.
    """
    found = empty = 0
    for item in read(file, options):
        if isinstance(item, Document):
            found += 1
            empty += item.picture is None and not has_text(item.text)
        elif isinstance(item, Unreadable) and (item.keep if isinstance(item, Skipped) else True):
            return 0, 0
    return max(0, before - found), max(0, min(empty, before) - textless()) if empty else 0


def option_of(reason: str) -> str | None:
    """Option whose value leaves documents out for this reason, None for all other reasons."""
    found = re.match(r"(?:filtered by|larger than|picture, kept out by) (--[a-z-]+)", reason)
    return found and found[1]


def absence_reasons(
    keys: Iterable[Key],
    sources: Mapping[str, Source],
    root: Path,
    missing: Iterable[str],
    pictures: str | None,
) -> dict[Key, str]:
    """Reasons for which a walk of the sources does not find the files of `keys`.

    `root`: of the index, to whose folder the paths in reasons are relative. `missing`: sources that do not
    exist. `pictures`: the reason for which the walk leaves pictures out, None: it takes them.
    """
    found = {}
    explained: dict[str, LeftOutReasons] = {}
    for key in keys:
        path, name = key
        if path in missing or path not in sources:
            found[key] = GONE if path in missing else UNNAMED
            continue
        if path not in explained:
            explained[path] = _reasons(sources[path], root, pictures)
        why = explained[path].reason(name)
        # None: the file has appeared since the walk
        found[key] = GONE if why is None else why.replace(f" {root.parent}{os.sep}", " ")
    return found


def _reasons(source: Source, root: Path, pictures: str | None) -> LeftOutReasons:
    return LeftOutReasons(
        Path(os.path.normpath(root.parent / source.path)),
        include=source.include,
        exclude=source.exclude,
        use_ignore=source.use_ignore,
        hidden=source.hidden,
        max_size=source.max_file_size,
        pictures=pictures,
    )


def is_guarded(lost: int, total: int) -> bool:
    """True if the loss of so many documents is confirmed by somebody first."""
    return total >= GUARDED_DOCUMENTS and 2 * lost > total


class SourceLoss(NamedTuple):
    """Documents that a source loses. `lost`: less what has moved.

    `is_bare`: no file is left in it that is read; `left_out`: numbers of those that are not, by reason.
    """

    lost: int
    reasons: Mapping[str, int]
    is_bare: bool = False
    left_out: Mapping[str, int] = {}


def source_losses(
    reasons: Mapping[Key, str],
    documents: Mapping[Key, int],
    left: Iterable[str],
    moved: Collection[Key] = (),
    left_out: Mapping[str, Mapping[str, int]] | None = None,
    owned: Mapping[Key, str] | None = None,
) -> dict[str, SourceLoss]:
    """Losses of the sources of which files are gone.

    `reasons`: by file that is gone; `documents`: of each file before; `moved`: those of them that may have
    moved; `left`: sources that hold files; `left_out`: numbers of files that are not read, by source and
    reason; `owned`: sources that files lie in now, where these may be others.
    """
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    away: Counter[str] = Counter()
    for key, why in reasons.items():
        if why != ELSEWHERE:
            path = key[0] if owned is None else owned[key]
            lost[path][why] += documents.get(key, 0)
            away[path] += documents.get(key, 0) if key in moved else 0
    return {
        path: SourceLoss(
            why.total() - away[path],
            why,
            why.keys() == {GONE} and path not in left,
            (left_out or {}).get(path, {}),
        )
        for path, why in lost.items()
    }


def nested_losses(
    reasons: Mapping[Key, str],
    documents: Mapping[Key, int],
    owner: Callable[[Key], str],
    moved: Collection[Key],
) -> dict[str, SourceLoss]:
    """Losses of sources that are named within others, whose files they were. `owner`: as they are now."""
    owned = {key: path for key in reasons if (path := owner(key)) != key[0]}
    gone = {key: reasons[key] for key in owned}
    return source_losses(gone, documents, (), moved, owned=owned)


def moved_files(
    reasons: Mapping[Key, str], before: Mapping[Key, FileState], sizes: Iterable[int]
) -> set[Key]:
    """Files that are gone and may have moved: a new file has their size. `sizes`: of the new files.

    What they hold is known once the new ones are read; a run that loses too much then asks at its end.
    """
    free = Counter(sizes)
    found = set()
    for key, why in reasons.items():
        if why == GONE and free[before[key].size] > 0:
            free[before[key].size] -= 1
            found.add(key)
    return found


def documents_by_source(
    files: Mapping[Key, FileState],
    owner: Callable[[Key], str] = itemgetter(0),
    others: Mapping[str, int] | None = None,
) -> Counter[str]:
    """Documents of each source, also of that in which a file lies now, `owner`.

    `files`: of a catalog. `others`: documents of sources that are not in it.
    """
    found = Counter(others or {})
    for key, state in files.items():
        for path in {key[0], owner(key)}:
            found[path] += state.stop - state.start
    return found


def record_losses(
    lost: Mapping[str, int], textless: Mapping[str, int] | None = None
) -> dict[str, SourceLoss]:
    """Losses of sources whose files hold fewer records, or texts, than before: their numbers by source."""
    found = {}
    for path in {**lost, **(textless or {})}:
        numbers = {NOT_IN_FILE: lost.get(path, 0), NO_TEXT: (textless or {}).get(path, 0)}
        if reasons := +Counter(numbers):
            found[path] = SourceLoss(reasons.total(), reasons)
    return found


class LossGuard:
    """Confirmation asked before a run leaves an index, or a source, with less than half of its documents.

    `total`: documents before the run, without those whose deletion was asked for, which are all of the
    sources `asked`; `by_source()`: documents of each source; `nested`: see `nested_losses`;
    `confirm(question)`: True if they may go; `shown(path)`: a source in questions. Confirmed once is
    confirmed for the run.
    """

    def __init__(
        self,
        total: int,
        confirm: Callable[[str], bool],
        by_source: Callable[[], Mapping[str, int]] = dict,
        shown: Callable[[str], str] = str,
        asked: Collection[str] = (),
    ) -> None:
        self.total = total
        self.asked = asked
        self.nested: Mapping[str, SourceLoss] = {}
        self._by_source = by_source
        self._shown = shown
        self._confirm = confirm
        self._is_confirmed = False
        self._reasons: Mapping[str, int] = {}

    def question(
        self,
        lost: int,
        reasons: Mapping[str, int],
        sources: Mapping[str, SourceLoss],
        damaged: Mapping[str, int] | None = None,
    ) -> str | None:
        """Question about the loss of `lost` documents, or of a source's, None if it needs no confirmation.

        `damaged`: numbers of those that a repair cannot read again, by reason: whatever their number, the
        index has lost their passages, and no file has them.
        """
        if self._is_confirmed:
            return None
        if is_guarded(lost, self.total):
            if (unread := lost - sum(reasons.values())) > 0:
                reasons = {**reasons, NOT_READ: unread}
            bare = bool(sources) and all(s.is_bare for s in sources.values())
            where = (
                ", ".join(map(self._shown, sorted(sources)))
                if bare and reasons.keys() == {GONE}
                else ""
            )
            there = sum((Counter(s.left_out) for s in sources.values()), Counter[str]())
            return self._ask(f"{lost:,} of {self.total:,} documents", reasons, where, there)
        for path, source in [*sources.items(), *self.nested.items()]:
            if source.lost < GUARDED_DOCUMENTS / 2:
                continue
            if is_guarded(source.lost, total := self._by_source().get(path, 0)):
                count = f"{source.lost:,} of {total:,} documents"
                if source.is_bare:
                    return self._ask(count, source.reasons, self._shown(path), source.left_out)
                return self._ask(f"{count} of {self._shown(path)}", source.reasons)
        if damaged and (n := sum(damaged.values())):
            were = "1 damaged document" if n == 1 else f"{n:,} damaged documents"
            return self._ask(f"{were} of {self.total:,} in the index", damaged)
        return None

    def _ask(
        self,
        count: str,
        reasons: Mapping[str, int],
        where: str = "",
        left_out: Mapping[str, int] | None = None,
    ) -> str:
        """Question; `where`: folders without a file to read that the documents were in, "" for others.

        `left_out`: numbers of the files in these folders that are not read, by reason.
        """
        self._reasons = reasons
        if where and left_out:
            return (
                f"{count} are gone from {where}; there and not read: {describe_skipped(left_out)}"
            )
        if where:
            return f"{count} are gone from {where} (an empty mount?)"
        if reasons.keys() == {NO_TEXT}:
            return f"{count} {NO_TEXT}"
        lost = "lost" if NO_TEXT in reasons else "deleted"
        return f"{count} would be {lost}: {describe_reasons(reasons)}"

    def check(self, question: str | None) -> None:
        """Ask a question, if there is one. Raises UsageError if the answer is no."""
        if question is None:
            return
        if not self._confirm(question):
            raise UsageError(f"{question}; nothing was changed ({self.way_out})")
        self._is_confirmed = True

    @property
    def way_out(self) -> str:
        """Options that decide on the documents of the last question: those that keep some, and --yes."""
        left_out = {why: option for why in self._reasons if (option := option_of(why)) is not None}
        keep = ""
        if left_out:
            n = sum(self._reasons[why] for why in left_out)
            stay = f"{n:,} of them {'stays' if n == 1 else 'stay'}"
            stay = "they stay" if len(left_out) == len(self._reasons) else stay
            keep = f"without {' and '.join(dict.fromkeys(left_out.values()))} {stay}, "
        does = "deletes them from the index"
        if NO_TEXT in self._reasons:
            does = "takes them as they are" if len(self._reasons) == 1 else "gives them up"
        return f"{keep}--yes {does}"
