"""Reasons for which a file that a source had is not among its files now."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from qembed.corpus.formats import PICTURES, suffix
from qembed.corpus.ignore import Rules, Selection, rules_above
from qembed.corpus.source_files import (
    HIDDEN,
    LARGE,
    OWN_FOLDERS,
    PICTURE,
    SPECIAL,
    SYMLINK,
    UNKNOWN,
    is_cvs,
    is_readable_name,
    known_suffixes,
    with_rules_of,
)
from qembed.inputs import sees, sees_file, sees_folder

GONE = "gone"
"""Reason of a file that is not there any more."""
IGNORED_BY = "ignored by "
"""Beginning of the reason of a file that an ignore file names, before its full path and line."""
UNLISTED = "in a folder that cannot be listed"
OWN = "in a folder of version control or of an index"


class LeftOutReasons:
    """Reasons of one source's files, by the options of its `walk`."""

    def __init__(
        self,
        source: Path,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        use_ignore: bool = True,
        hidden: bool = False,
        max_size: int | None = None,
        pictures: str | None = PICTURE,
    ) -> None:
        self._source = source
        self._include = include
        self._exclude = exclude
        self._selection = Selection(include, exclude)
        self._known = known_suffixes(include)
        if pictures is None:
            self._known |= PICTURES
        self._pictures = pictures
        self._use_ignore = use_ignore
        self._hidden = hidden
        self._max_size = max_size
        above = rules_above(os.fspath(source))[0] if use_ignore else ()
        self._folders: dict[str, tuple[str | None, tuple[Rules, ...]]] = {
            "": self._listed(source, "", above)
        }

    def reason(self, name: str) -> str | None:
        """Reason that the walk does not yield the file of this name, None if it does."""
        if sees_file(self._source):
            if name != self._source.name:
                return GONE
            return self._too_large(self._source.stat().st_size) or self._unread_picture(name)
        folder, _, leaf = name.rpartition("/")
        why, rules = self._folder(f"{folder}/" if folder else "")
        if why is not None:
            return why
        try:
            info = (self._source / name).lstat()
        except OSError:
            return GONE
        if stat.S_ISDIR(info.st_mode):
            return GONE
        if why := self._entry(name, leaf, False, rules):
            return why
        if not stat.S_ISREG(info.st_mode):
            return SYMLINK if stat.S_ISLNK(info.st_mode) else SPECIAL
        if not is_readable_name(leaf, self._known):
            return self._unread_picture(leaf) or UNKNOWN
        if self._selection.include and not self._selection.takes(name, leaf):
            return f"filtered by --include {' '.join(repr(p) for p in self._include)}"
        return self._too_large(info.st_size)

    def _unread_picture(self, name: str) -> str | None:
        return self._pictures if suffix(name) in PICTURES else None

    def _too_large(self, size: int) -> str | None:
        return LARGE if self._max_size is not None and size > self._max_size else None

    def _folder(self, name: str) -> tuple[str | None, tuple[Rules, ...]]:
        """(reason that nothing in the folder is read, rules of its entries). `name` ends with a slash."""
        if (known := self._folders.get(name)) is not None:
            return known
        parent, _, leaf = name.rstrip("/").rpartition("/")
        why, rules = self._folder(f"{parent}/" if parent else "")
        if why is None:
            path = self._source / name
            if path.is_symlink():
                why = SYMLINK
            elif not sees_folder(path):
                why = GONE
            elif leaf == "CVS" and is_cvs(os.fspath(path)):
                why = OWN
            elif (why := self._entry(name.rstrip("/"), leaf, True, rules)) is None:
                why, rules = self._listed(path, name, rules)
        self._folders[name] = why, rules
        return why, rules

    def _listed(
        self, path: Path, name: str, rules: tuple[Rules, ...]
    ) -> tuple[str | None, tuple[Rules, ...]]:
        """(None, rules in a folder); a reason if it cannot be listed."""
        try:
            with os.scandir(path) as listing:
                entries = list(listing)
        except OSError:
            return (UNLISTED if sees(path) else GONE), rules
        if self._use_ignore:
            rules, _ = with_rules_of(os.fspath(path), entries, name, rules)
        return None, rules

    def _entry(self, name: str, leaf: str, is_folder: bool, rules: tuple[Rules, ...]) -> str | None:
        """Reason by the name of a file or folder."""
        if leaf in OWN_FOLDERS:
            return OWN
        if leaf[0] == "." and not self._hidden:
            return HIDDEN
        for r in rules:
            path = r.above + name if r.above else name[len(r.prefix) :]
            if (found := r.deciding(path, is_folder)) is not None:
                if found[0]:
                    return f"{IGNORED_BY}{r.place(found[1])}"
                break
        found = self._selection.exclude.deciding(name, is_folder)
        if found is not None and found[0]:
            return f"filtered by --exclude {self._exclude[found[1]]!r}"
        return None
