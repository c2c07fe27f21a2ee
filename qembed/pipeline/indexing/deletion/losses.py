"""Documents that a run would delete: the reasons, and the losses of sources."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from qembed.corpus import GONE, IGNORED_BY, LeftOutReasons, counted_reason
from qembed.inputs import from_here
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.skipped_files import by_number
from qembed.store import FileState, Source

NOT_IN_FILE = "no longer in their file"
"""Reason of documents that a file had and has no more, though it was read."""
NO_TEXT = "have no text any more"
"""Reason of documents that had text; they stay, without it."""
NOT_READ = "could not be read or encoded"
UNNAMED = "their source is not named (--rebuild without PATH keeps all)"
"""Reason of documents whose source a rebuild with PATH leaves out."""
ELSEWHERE = "in another source now"
"""Reason of a file that a nested source has taken over."""


def describe_reasons(reasons: Mapping[str, int], *, is_full: bool = False) -> str:
    """Reasons with their numbers of documents, the commonest first; a single one without its number.

    The ignore files in them as they open from the current folder; `is_full`: with their full paths.
    """
    shown = {why: why if is_full else _from_here(why) for why in reasons}
    if len(reasons) == 1:
        return next(iter(shown.values()))
    return ", ".join(counted_reason(n, shown[why]) for why, n in by_number(reasons))


def _from_here(reason: str) -> str:
    ignored, named, place = reason.partition(IGNORED_BY)
    return f"{IGNORED_BY}{from_here(place)}" if named and not ignored else reason


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

    `root`: of the index. `missing`: sources that do not exist. `pictures`: the reason for which the walk
    leaves pictures out, None: it takes them.
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
        found[key] = GONE if why is None else why
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
