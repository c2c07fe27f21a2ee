"""Which sources an index has, what is in them now, and what a refresh has to do about it."""

from __future__ import annotations

import contextlib
import gc
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from qembed.corpus import UNKNOWN, ReadOptions, suffix, walk
from qembed.errors import UsageError
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.plan import Key, SourceChanges, compare
from qembed.store import Catalog, FileState, Manifest, Source
from qembed.types import SourceFile, Unreadable

STDIN = "-"
GUARDED = 10
"""Documents from which on an index is asked about before more than half of it goes."""


class Sources:
    """The sources of one run: those remembered by `present`, those given now.

    `scan`: the ones this run looks at. `trouble`: what could not even be listed. `skipped`: how many
    files were left out, by reason; `suffixes`: how many of unknown ones, by suffix ("" for none);
    `skipped_files`: all of their names with the reason, where the run is asked for details.
    """

    def __init__(self, root: Path, present: Manifest | None, options: IndexOptions) -> None:
        self.root = root
        self.options = options
        self.given = self._given(options)
        old = {s.path: s for s in (present.sources if present is not None else ())}
        if options.rebuild and self.given:
            # records without a source cannot be read again: the index keeps them
            old = {path: s for path, s in old.items() if path == STDIN}
        self.altered = {s.path for s in self.given if old.get(s.path, s) != s}
        self.by_path = {**old, **{s.path: s for s in self.given}}
        self.all = tuple(self.by_path.values())
        self.scan = [s for s in (self.given or self.all) if s.path != STDIN]
        self.stdin = any(s.path == STDIN for s in self.given)
        self.failed_before = list(present.failed) if present is not None else []
        self.trouble: list[tuple[Key, Unreadable]] = []
        self.skipped: Counter[str] = Counter()
        self.suffixes: Counter[str] = Counter()
        self.skipped_files: list[tuple[str, str]] = []
        self._yielded: list[Key] = []

    def _given(self, options: IndexOptions) -> list[Source]:
        found = []
        for path in dict.fromkeys(options.paths):
            if path != STDIN:
                full = Path(os.path.normpath(Path(path).absolute()))
                if not full.exists():
                    raise UsageError(f"{path}: no such file or folder")
                path = self._relative(full)
            found.append(replace(options.source, path=path))
        return found

    def _relative(self, path: Path) -> str:
        """As the index remembers it: relative to where the index lies, so that both can be moved."""
        try:
            return path.relative_to(self.root.parent).as_posix()
        except ValueError:
            return str(path)

    def full(self, source: Source) -> Path:
        """Where a source is."""
        return Path(os.path.normpath(self.root.parent / source.path))

    def plan(self, catalog: Catalog) -> SourceChanges:
        """Walks the sources and compares.

        Raises UsageError if one of them is gone (unless `allow_missing`), and if more than half of the
        documents would go at once and nobody confirms it.
        """
        missing = {s.path for s in self.scan if not self.full(s).exists()}
        if missing and not self.options.allow_missing:
            raise UsageError(
                f"{', '.join(sorted(missing))}: the source is gone (an unmounted disk?); nothing was "
                "changed (--allow-missing deletes its documents, qembed index --rebuild PATH ... makes an "
                "index of other sources)"
            )
        bad = {(source, file) for source, file, _ in self.failed_before}
        folders = {s.path: self.full(s) for s in self.scan}

        def sheltered(key: Key) -> bool:
            if not self.trouble:
                return False
            # a folder that could not be listed says nothing of the files in it
            full = f"{folders[key[0]] / key[1]}/"
            closed = (u.path.rstrip("/") + "/" for _, u in self.trouble)
            return any(full.startswith(c) or f"{key[1]}/".startswith(c) for c in closed)

        with _uncollected():
            known = catalog.files()
            found = self._files([s for s in self.scan if s.path not in missing])
            if self._nested():
                found = self._once(found, known)
            plan = compare(
                known,
                found,
                set(folders),
                suspect=(lambda k: k in bad or k[0] in self.altered)
                if bad or self.altered
                else None,
                sheltered=sheltered,
            )
        plan.gone.extend(self._yielded)
        if not self.options.dry_run:
            self._guard(plan, known, missing)
        return plan

    def _guard(
        self, plan: SourceChanges, known: Mapping[Key, FileState], missing: set[str]
    ) -> None:
        """An empty mount point looks like a folder whose files were all deleted: who knows is asked.

        What is asked for by name is not counted: sources given with other patterns, and missing ones.
        Files that may only have moved are not either: as many as are new.
        """
        meant = self.altered | missing
        lost = sum(known[k].stop - known[k].start for k in plan.gone if k[0] not in meant)
        lost -= sum((f.source, f.name) not in known for f in plan.read)
        total = sum(state.stop - state.start for state in known.values())
        if total < GUARDED or 2 * lost <= total:
            return
        where = ", ".join(sorted({k[0] for k in plan.gone}))
        what = f"{lost:,} of {total:,} documents are gone from {where}"
        if not self.options.confirm(what):
            raise UsageError(
                f"{what} (an empty mount?); nothing was changed (--yes deletes them from the index)"
            )

    def _nested(self) -> bool:
        """Whether one source lies in another, or is the same by another name."""
        full = [Path(os.path.realpath(self.full(s))) for s in self.all if s.path != STDIN]
        return len(full) > 1 and any(a is not b and a.is_relative_to(b) for a in full for b in full)

    def _once(
        self, found: Iterator[SourceFile], known: Mapping[Key, FileState]
    ) -> Iterator[SourceFile]:
        """Each file once, however many sources hold it: for the innermost of those that take it."""
        real = {s.path: os.path.realpath(self.full(s)) for s in self.all if s.path != STDIN}
        looked = {s.path for s in self.scan}
        depth = {path: (full.count(os.sep), path) for path, full in real.items()}
        single = {path for path, full in real.items() if not Path(full).is_dir()}

        def place(key: Key) -> str:
            return real[key[0]] if key[0] in single else f"{real[key[0]]}/{key[1]}"

        owner: dict[str, str] = {}
        for key in known:  # files of sources that this run does not look at
            if key[0] in real and key[0] not in looked:
                at = place(key)
                if at not in owner or depth[key[0]] > depth[owner[at]]:
                    owner[at] = key[0]
        files = [(place((f.source, f.name)), f) for f in found]
        for at, file in files:
            if at not in owner or depth[file.source] > depth[owner[at]]:
                owner[at] = file.source
        for key in known:
            if key[0] in real and key[0] not in looked and owner[place(key)] != key[0]:
                self._yielded.append(key)
        return (file for at, file in files if owner[at] == file.source)

    def _files(self, sources: Iterable[Source]) -> Iterator[SourceFile]:
        def on_skip(name: str, reason: str) -> None:
            self.skipped[reason] += 1
            if reason == UNKNOWN:
                self.suffixes[suffix(name)] += 1
            if self.options.detail:
                self.skipped_files.append((name, reason))

        for source in sources:
            full = self.full(source)
            # an index among the documents is not one of them
            inside = f"{self.root}{os.sep}" if self.root.is_relative_to(full) else None
            for file in walk(
                full,
                include=source.include,
                exclude=source.exclude,
                use_ignore=source.use_ignore,
                max_size=source.max_file_size,
                on_skip=on_skip,
                label=source.path,
            ):
                if isinstance(file, Unreadable):
                    self.trouble.append(((source.path, file.path), file))
                elif inside is None or not str(file.location).startswith(inside):
                    yield file

    def still_failed(
        self, failed: Sequence[tuple[Key, Unreadable]]
    ) -> tuple[tuple[str, str, str], ...]:
        """What to remember as unreadable: this run's, and what it did not look at."""
        now = [(key[0], key[1], str(u)) for key, u in failed]
        looked = {s.path for s in self.scan} | ({STDIN} if self.stdin else set())
        return (*now, *(f for f in self.failed_before if f[0] not in looked))


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: it would look at some objects a file again and again, all of them in use.

    A third of a refresh's time otherwise.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def read_options(source: Source) -> ReadOptions:
    """How a source's records are read."""
    return ReadOptions(
        id_field=source.id_field, text_field=source.text_field, title_field=source.title_field
    )
