"""Which sources an index has, what is in them now, and what a refresh has to do about it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from qembed.corpus import ReadOptions, walk
from qembed.errors import UsageError
from qembed.pipeline.plan import Key, Plan, compare
from qembed.pipeline.summary import Options
from qembed.store import Catalog, Manifest, Source
from qembed.types import SourceFile, Unreadable

STDIN = "-"


class Sources:
    """The sources of one run: those remembered by `present`, those given now.

    `scan`: the ones this run looks at. `trouble`: what could not even be listed. `skipped`: how many
    files were left out, by reason.
    """

    def __init__(self, root: Path, present: Manifest | None, options: Options) -> None:
        self.root = root
        self.given = self._given(options)
        old = {s.path: s for s in (present.sources if present is not None else ())}
        if options.rebuild and self.given:
            old = {}
        self.altered = {s.path for s in self.given if old.get(s.path, s) != s}
        self.by_path = {**old, **{s.path: s for s in self.given}}
        self.all = tuple(self.by_path.values())
        self.scan = [s for s in (self.given or self.all) if s.path != STDIN]
        self.stdin = any(s.path == STDIN for s in self.given)
        self.failed_before = list(present.failed) if present is not None else []
        self.trouble: list[tuple[Key, Unreadable]] = []
        self.skipped: Counter[str] = Counter()

    def _given(self, options: Options) -> list[Source]:
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

    def plan(self, catalog: Catalog) -> Plan:
        """Walks the sources and compares. Raises UsageError if one of them is gone."""
        missing = [s.path for s in self.scan if not self.full(s).exists()]
        if missing:
            raise UsageError(
                f"{', '.join(missing)}: the source is gone (an unmounted disk?); nothing was changed "
                "(qembed index --rebuild PATH ... makes an index of other sources)"
            )
        found = list(self._files())
        bad = {(source, file) for source, file, _ in self.failed_before}
        # a folder that could not be listed says nothing of the files in it
        closed = [u.path.rstrip("/") + "/" for _, u in self.trouble]
        folders = {s.path: self.full(s) for s in self.scan}

        def sheltered(key: Key) -> bool:
            full = f"{folders[key[0]] / key[1]}/"
            return any(full.startswith(c) or f"{key[1]}/".startswith(c) for c in closed)

        return compare(
            catalog.files(),
            found,
            set(folders),
            suspect=lambda key: key in bad or key[0] in self.altered,
            sheltered=sheltered if closed else lambda _: False,
        )

    def _files(self) -> Iterator[SourceFile]:
        def on_skip(_: str, reason: str) -> None:
            self.skipped[reason] += 1

        for source in self.scan:
            full = self.full(source)
            # an index among the documents is not one of them
            inside = f"{self.root}{os.sep}" if self.root.is_relative_to(full) else None
            for file in walk(
                full,
                include=source.include,
                exclude=source.exclude,
                use_ignore=source.use_ignore,
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


def read_options(source: Source) -> ReadOptions:
    """How a source's records are read."""
    return ReadOptions(
        id_field=source.id_field, text_field=source.text_field, title_field=source.title_field
    )
