"""Files of a source: one pass over folders, one `stat` a file, nothing opened but ignore files.

Skipped without a word: what --exclude names, the folders of version control and of indexes. Skipped with a
reason: hidden and ignored files and folders (a folder counts once), suffixes no reader knows, symbolic
links (what they point at is either in the source anyway or was not asked for, and a loop of them has no
end), and what is not a regular file (opening a FIFO would wait for ever). Of a source inside a git
repository the ignore files above it count, up to the repository's root, with its `info/exclude` and the
user's excludes; a source that is itself ignored was named, and is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence, Set
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TypeAlias

from qembed.corpus.decode import BINARY, EMPTY
from qembed.corpus.formats import (
    CAPTION,
    FORMATS,
    PICTURES,
    is_plain_name,
    packed_suffix,
    suffix,
)
from qembed.corpus.ignore import (
    IGNORE_FILES,
    Rules,
    Selection,
    UnmatchedPatterns,
    is_repository,
    read_rules,
    repository_rules,
    rules_above,
)
from qembed.errors import UsageError, refusal
from qembed.inputs import sees
from qembed.paths import INDEX_FOLDER
from qembed.types import SourceFile, Unreadable

UNKNOWN = "unknown suffix"
PICTURE = "picture, which the index's model does not read"
NO_PICTURES = "picture, kept out by --pictures none"
WITHOUT_EXTRA = "picture, left out as the index was made without qembed-search[images] (--rebuild)"
SYMLINK = "symbolic link"
SPECIAL = "not a regular file"
LARGE = "larger than --max-file-size"
HIDDEN = "hidden (--hidden reads them)"
IGNORED = "ignored (--no-ignore reads them)"
_COUNTED = {
    UNKNOWN: ("with an unknown suffix", "with unknown suffixes"),
    **{why: (why, f"pictures{why[7:]}") for why in (PICTURE, NO_PICTURES, WITHOUT_EXTRA)},
    SYMLINK: (SYMLINK, "symbolic links"),
    SPECIAL: ("that is not a regular file", "that are not regular files"),
    BINARY: (BINARY, "binary files"),
    EMPTY: (EMPTY, "empty files"),
}
"""Reasons that read otherwise after a number, for one file and for several."""
OWN_FOLDERS = frozenset({".git", ".hg", ".svn", ".bzr", ".jj", "_darcs", INDEX_FOLDER})
"""Folders of version control and of indexes, which no option reads."""

Frame: TypeAlias = tuple[Iterator[tuple[str, "os.DirEntry[str]"]], tuple[Rules, ...]]
"""A folder being walked: what is left of it, as (name inside the source, entry), and the rules in it."""


def walk(
    source: Path,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    use_ignore: bool = True,
    hidden: bool = False,
    max_size: int | None = None,
    on_skip: Callable[[str, str], None] | None = None,
    on_unmatched: Callable[[str, str], None] | None = None,
    label: str | None = None,
    pictures: str | None = PICTURE,
) -> Iterator[SourceFile | Unreadable]:
    """The files of a source, sorted by name; names are paths inside the source, with forward slashes.

    A single file yields itself whatever the rules say (a symbolic link is followed: it was named). Of a
    folder, `include` and `exclude` are patterns as in ignore files, over names; `use_ignore` honours
    .gitignore, .ignore and .qembedignore at every level; `hidden` takes files and folders whose names begin
    with a dot. A suffix no reader knows is read as text if an include pattern ends in it (`*.asm`). Files of
    more than `max_size` bytes are left out, a single one too. `on_skip(name, reason)`: called for each file
    left out with a reason; `on_unmatched(option, pattern)`, at the end, for each pattern that
    nothing in a folder has matched. `label`: their `source`, the path as given if None.
    `pictures`: reason for which pictures are left out, None: they are read.
    What cannot be listed or looked at is yielded as Unreadable under its full path, and the rest goes on.
    Raises UsageError for a source that is neither file nor folder, and for patterns that are none.
    """
    selection = Selection(include, exclude)
    where = os.fspath(source)
    try:
        info = source.stat()
    except OSError as e:
        raise UsageError(f"cannot read {where}: {refusal(e)}") from e
    if stat.S_ISREG(info.st_mode):
        name = source.name or where
        if max_size is not None and info.st_size > max_size:
            if on_skip:
                on_skip(name, LARGE)
            return
        if pictures and on_skip and suffix(name) in PICTURES:
            on_skip(name, pictures)
            return
        yield SourceFile(
            label or where, name, where, info.st_size, info.st_mtime_ns, info.st_ctime_ns
        )
        return
    if not stat.S_ISDIR(info.st_mode):
        raise UsageError(f"{where}: neither a file nor a folder (records can be piped in: -)")
    known = known_suffixes(include)
    if pictures is None:
        known |= PICTURES
    rules = WalkRules(selection, known, use_ignore, hidden, pictures)
    unmatched = UnmatchedPatterns(include, exclude) if on_unmatched else None
    for file in _Walk(where, label or where, rules, on_skip, unmatched).files():
        if max_size is None or isinstance(file, Unreadable) or file.size <= max_size:
            yield file
        elif on_skip:
            on_skip(file.name, LARGE)
    if on_unmatched is not None and unmatched is not None:
        for option, pattern in unmatched.left:
            on_unmatched(option, pattern)


def counted_reason(number: int, reason: str) -> str:
    """A number of files with the reason that they are left out for: `82 symbolic links`, `3 gone`."""
    one, many = _COUNTED.get(reason, (reason, reason))
    return f"{number:,} {one if number == 1 else many}"


def known_suffixes(include: Sequence[str]) -> Set[str]:
    """Suffixes in lower case that are read: of the formats, and those that `include` patterns end in."""
    asked = {p[p.rindex(".") :].lower() for p in include if "." in p and not p.startswith("!")}
    return FORMATS.keys() | asked


def is_readable_name(leaf: str, known: Set[str]) -> bool:
    """True for a file name whose suffix is in `known`, packed or not, and for known names of texts."""
    dot = leaf.rfind(".")
    kind = leaf[dot:] if dot > 0 else ""
    return (
        kind in known
        or kind.lower() in known
        or packed_suffix(leaf) in known
        or is_plain_name(leaf)
    )


class WalkRules(NamedTuple):
    """Rules by which a walk takes files. `known`: suffixes that are read. `pictures`: as of `walk`."""

    selection: Selection
    known: Set[str]
    use_ignore: bool
    hidden: bool
    pictures: str | None


class _Walk:
    """Depth first with a stack of its own, so that names come out sorted and no depth is too deep."""

    def __init__(
        self,
        source: str,
        label: str,
        rules: WalkRules,
        on_skip: Callable[[str, str], None] | None,
        unmatched: UnmatchedPatterns | None = None,
    ) -> None:
        self.source = source
        self.label = label
        self.rules = rules
        self.skip = on_skip or (lambda _name, _reason: None)
        self.unmatched = unmatched
        self.problems: list[Unreadable] = []

    def files(self) -> Iterator[SourceFile | Unreadable]:
        label = self.label
        above: tuple[Rules, ...] = ()
        if self.rules.use_ignore:
            above, self.problems = rules_above(self.source)
        stack = [self._list(self.source, "", above)]
        while stack:
            entries, rules = stack[-1]
            if self.problems:
                yield from self.problems
                self.problems.clear()
            for name, entry in entries:
                if name[-1] == "/":
                    stack.append(self._list(entry.path, name, rules))
                    break
                try:
                    info = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # gone since its folder was listed
                except OSError as e:
                    yield Unreadable(entry.path, refusal(e))
                    continue
                yield SourceFile(
                    label, name, entry.path, info.st_size, info.st_mtime_ns, info.st_ctime_ns
                )
            else:
                stack.pop()

    def _list(self, folder: str, prefix: str, rules: tuple[Rules, ...]) -> Frame:
        """Selected entries of a folder, sorted by full name: with its slash a folder sorts where its
        contents belong. Rules: its own first, then those above it."""
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as problem:
            if not prefix or not isinstance(problem, FileNotFoundError):
                reason = f"folder cannot be listed: {refusal(problem)}"
                self.problems.append(Unreadable(folder, reason))
            return iter(()), rules
        if self.rules.use_ignore:
            rules, problems = with_rules_of(folder, entries, prefix, rules)
            self.problems += problems
        selection, known, _, hidden, pictures = self.rules
        exclude = selection.exclude if selection.exclude else None
        include = bool(selection.include)
        wanted = []
        for entry in entries:
            leaf = entry.name
            if leaf in OWN_FOLDERS:
                continue
            name = prefix + leaf
            if self.unmatched is not None:
                self.unmatched.see(name, entry.is_dir(follow_symlinks=False))
            if leaf[0] == "." and not hidden:
                self.skip(name, HIDDEN)
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            if rules and _ignored(rules, name, leaf, is_folder):
                self.skip(f"{name}/" if is_folder else name, IGNORED)
                continue
            if exclude is not None and exclude.verdict(name, leaf, is_folder):
                continue
            if not is_folder:
                if not entry.is_file(follow_symlinks=False):
                    self.skip(name, SYMLINK if entry.is_symlink() else SPECIAL)
                    continue
                if not is_readable_name(leaf, known):
                    if pictures is None and leaf.endswith(CAPTION):
                        continue  # read with its picture
                    self.skip(name, (pictures if suffix(leaf) in PICTURES else None) or UNKNOWN)
                    continue
                if include and not selection.takes(name, leaf):
                    continue
            elif leaf == "CVS" and is_cvs(entry.path):
                continue
            else:
                name += "/"
            if leaf.isascii() or _is_text(leaf):
                wanted.append((name, entry))
            else:
                shown = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
                self.problems.append(Unreadable(shown, "its name is not UTF-8 (rename it)"))
        wanted.sort(key=itemgetter(0))
        return iter(wanted), rules


def with_rules_of(
    folder: str, entries: Sequence[os.DirEntry[str]], prefix: str, rules: tuple[Rules, ...]
) -> tuple[tuple[Rules, ...], list[Unreadable]]:
    """Rules in a folder of the source, its own before `rules`, and its ignore files that cannot be read."""
    problems: list[Unreadable] = []
    if any(e.name == ".git" for e in entries) and is_repository(Path(folder)):
        found, problems = repository_rules(Path(folder), prefix)
        rules = (*found, *rules)
    present = [e.name for e in entries if e.name in IGNORE_FILES and _is_plain(e)]
    if present:
        own, wrong = read_rules(folder, present, prefix)
        problems += wrong
        if own:
            rules = (own, *rules)
    return rules, problems


def _ignored(rules: tuple[Rules, ...], name: str, leaf: str, is_folder: bool) -> bool:
    for r in rules:
        path = r.above + name if r.above else name[len(r.prefix) :]
        verdict = r.verdict(path, leaf, is_folder)
        if verdict is not None:
            return verdict
    return False


def _is_plain(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _is_text(name: str) -> bool:
    """False for names whose bytes are not UTF-8: they could not be stored or shown."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_cvs(folder: str) -> bool:
    """True for a folder of CVS, which is known by its content."""
    return sees(Path(folder, "Entries"))
