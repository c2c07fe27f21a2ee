"""Sources of an index in one run: which there are, the files in them, and their changes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from qembed.corpus import PICTURE, counted_reason, walk
from qembed.errors import InputError, UsageError
from qembed.inputs import holds_files, sees_file
from qembed.pipeline.indexing.deletion.damaged import DamagedDocuments
from qembed.pipeline.indexing.deletion.guard import LossGuard, LossQuestion
from qembed.pipeline.indexing.deletion.let_in import ForgottenSettings
from qembed.pipeline.indexing.deletion.losses import (
    ELSEWHERE,
    absence_reasons,
    documents_by_source,
    moved_files,
    nested_losses,
    source_losses,
)
from qembed.pipeline.indexing.deletion.missing import missing_sources, refuse_missing
from qembed.pipeline.indexing.deletion.ownership import FileOwners, describe_owner_change
from qembed.pipeline.indexing.deletion.rebuilt import ReplacedFiles
from qembed.pipeline.indexing.options import IndexOptions, sources_of_options
from qembed.pipeline.indexing.pictures.on_pages import PicturesOnPages
from qembed.pipeline.indexing.plan import (
    Key,
    SourceChanges,
    compare,
    without_garbage_collection,
)
from qembed.pipeline.progress import Progress
from qembed.pipeline.skipped_files import SkippedFiles, by_number
from qembed.pipeline.source_options import (
    SHARED,
    STDIN,
    filter_options,
    source_place,
    source_settings,
)
from qembed.pipeline.unused_settings import UnusedSettings
from qembed.store import Catalog, FileState, Manifest, Source
from qembed.types import SourceFile, Unreadable


class Sources:
    """Sources of one run: those of the manifest `present` and those given as options.

    `given`: by the options. `all`: of the index after this run; `by_path`: the same by path. `scan`: walked
    in this run; `missing`: those that do not exist. `stdin`: True if records on standard input are one of
    them. `unlisted`: files and folders that could not be listed. `skipped`: files that the walk leaves out;
    the run adds others. `absent`: reasons of files that are not found any more; `taken_over`: those that are
    another source's now, by the file to read in their place. `replaced`: files that a rebuild takes the place
    of. `pictures`: reason that they are left out, None: they are read; `on_pages`: what pages say of them.
    `guard`: confirms the loss of most documents; `questions`: asked by a real run, known to a dry run.
    `forgotten`: settings that do not hold any more.
    """

    def __init__(
        self,
        root: Path,
        present: Manifest | None,
        options: IndexOptions,
        damaged: DamagedDocuments,
    ) -> None:
        self.root = root
        self.options = options
        self._damaged = damaged
        old = {s.path: s for s in (present.sources if present is not None else ())}
        shared = present.settings.get(SHARED, {}) if present is not None else {}
        self.given, self._notes = sources_of_options(root, options, old, shared)
        self.forgotten = ForgottenSettings(root, old, self.given)
        if options.rebuild and self.given and not options.with_remembered:
            # records without a source cannot be read again: the index keeps them
            old = {path: s for path, s in old.items() if path == STDIN}
        self._fresh = {s.path for s in self.given if old.get(s.path) != s}
        self._unused: list[UnusedSettings] = []
        self.altered = {s.path for s in self.given if old.get(s.path, s) != s}
        self.by_path = {**old, **{s.path: s for s in self.given}}
        self.all = tuple(self.by_path.values())
        scanned = self.all if options.with_remembered else self.given or self.all
        wanted = {s.path for s in scanned} - {STDIN} | damaged.sources
        self._owners = FileOwners({s.path: self.full(s) for s in self.all if s.path != STDIN})
        wanted |= self._owners.nested_in(wanted)
        self.scan = [s for s in self.all if s.path in wanted]
        if (of_file := options.shared) is not None:
            names = {s.path: sorted(of_file & source_settings(s).keys()) for s in self.given}
            shared = {**shared, **names}
        self.shared = {path: found for path, found in shared.items() if found}
        self.stdin = any(s.path == STDIN for s in self.given)
        self._refreshed_ns = int(present.refreshed * 1e9) if present is not None else 0
        self._failed_before = list(present.failed) if present is not None else []
        self.unlisted: list[tuple[Key, Unreadable]] = []
        self.skipped = SkippedFiles(options.detail)
        self.missing: set[str] = set()
        self.absent: dict[Key, str] = {}
        self.taken_over: dict[Key, list[Key]] = {}
        self.replaced: ReplacedFiles | None = None
        self.pictures: str | None = PICTURE
        self.on_pages = PicturesOnPages(root, present is None)
        self.guard = LossGuard(0, options.confirm, root)
        self.questions: list[LossQuestion] = []

    def full(self, source: Source) -> Path:
        """Full path of a source."""
        return Path(os.path.normpath(self.root.parent / source.path))

    def shown(self, path: str) -> str:
        """Place of the source of this path in messages: it opens from the current folder."""
        return source_place(self.root, path)

    # ── changes ──────────────────────────────────────────────────────────────────────────────────

    def changes(
        self,
        catalog: Catalog,
        replaced: Mapping[Key, FileState] | None = None,
        progress: Progress | None = None,
    ) -> SourceChanges:
        """Walk the sources and compare their files with `catalog`.

        `replaced`: files of the index that a rebuild takes the place of. Raises UsageError if a source with
        documents does not exist (unless `allow_missing`), if one cannot be reached, and if more than half of
        the documents would be deleted and nobody confirms it.
        """
        progress = progress or Progress()
        places = {s.path: self.full(s) for s in self.scan}
        missing = self.missing = missing_sources(places, self.shown)
        owners = {source for source, _ in (catalog.files() if replaced is None else replaced)}
        owners |= self._damaged.sources
        if not self.options.allow_missing:
            refuse_missing(missing & owners, self.shown)
        for path in sorted(missing - owners):
            progress.say(f"{self.shown(path)}: the source is still gone, without documents")
        again = {(source, file) for source, file, _ in self._failed_before}
        every = self.options.verify_content
        with without_garbage_collection():
            known = catalog.files()
            found: Iterable[SourceFile] = self._files(
                [s for s in self.scan if s.path not in missing]
            )
            found = progress.counted(found)
            ceded: dict[Key, str] = {}
            if self._owners.nested_in(self.by_path.keys() - {STDIN}):
                found = [f for f in found if self._owners.key((f.source, f.name))[0] == f.source]
                ceded = self._ceded(known, {(f.source, f.name) for f in found}, progress)
            scanned = {s.path for s in self.scan}
            if self.pictures is None:
                anew = scanned if every else self.altered
                self.on_pages.read(scanned - missing, anew, self._is_unlisted)
                shown = self.on_pages.cede(ceded.keys()) & known.keys()
                found = [*found, *self._unwalked(shown)]
                found = self.on_pages.told(found, self.by_path, catalog, progress)
                again |= self.on_pages.changed
            changes = compare(
                known,
                found,
                scanned,
                suspect=(lambda key: every or key in again or key[0] in self.altered)
                if every or again or self.altered
                else None,
                refreshed_ns=self._refreshed_ns,
                sheltered=self._is_unlisted,
            )
        for settings in self._unused:
            settings.report(progress)
        for line in self._notes:
            progress.say(line)
        self.absent = {**self._absence(changes.gone), **ceded}
        changes.gone.extend(sorted(ceded.keys() - changes.gone))
        read = {(f.source, f.name) for f in changes.read} if ceded else set()
        for key, why in ceded.items():
            if why == ELSEWHERE and (owned := self._owners.key(key)) in read:
                self.taken_over.setdefault(owned, []).append(key)
        self._check_loss(changes, len(catalog), known if replaced is None else replaced, missing)
        return changes

    def _absence(self, keys: Iterable[Key]) -> dict[Key, str]:
        """Reasons for which the walk does not find the files of `keys`."""
        return absence_reasons(keys, self.by_path, self.root, self.missing, self.pictures)

    def _is_unlisted(self, key: Key) -> bool:
        """True for a file in a folder that could not be listed in this run."""
        if not self.unlisted:
            return False
        full = f"{self.full(self.by_path[key[0]]) / key[1]}/"
        folders = (u.path.rstrip("/") + "/" for _, u in self.unlisted)
        return any(full.startswith(f) or f"{key[1]}/".startswith(f) for f in folders)

    def _check_loss(
        self,
        changes: SourceChanges,
        documents: int,
        before: Mapping[Key, FileState],
        missing: set[str],
    ) -> None:
        """Have the loss of more than half of the documents, or a source's, confirmed, whatever the reason.

        Missing sources do not count (--allow-missing). `documents`: of the catalog; `before`: its files.
        """
        # a refresh of many files pays for no look at each
        whole = not changes.gone and not self.options.rebuild
        former = self._damaged.former_by_source
        counted = {
            key: state.stop - state.start
            for key, state in (() if whole else before.items())
            if (self.options.rebuild or key[0] in self.by_path) and key[0] not in missing
        }
        total = documents if whole else sum(counted.values())
        total += self._damaged.former_number - sum(former[path] for path in missing)
        held = partial(documents_by_source, before, self._owners.owner, former)
        self.guard = LossGuard(total, self.options.confirm, self.root, held, missing)
        read = {(f.source, f.name) for f in changes.read}
        gone, known = changes.gone, {*before}
        if self.options.rebuild:
            places = {path: self.root.parent / path for path, _ in before if path != STDIN}
            self.replaced = ReplacedFiles(before, self._owners.keys_of_places(before, places))
            gone = self.replaced.unread({*changes.unchanged, *read})
            now, known = self.replaced.now, {*self.replaced.now.values()}
            why = self._absence({now[k] for k in gone})
            self.absent |= {k: why[now[k]] for k in gone}
            gone = [k for k in gone if k in counted]
        reasons = {k: self.absent[k] for k in gone}
        sizes = (f.size for f in changes.read if (f.source, f.name) not in known)
        left = {path for path, _ in (*read, *changes.unchanged)}
        moved = moved_files(reasons, before, sizes)
        losses = source_losses(reasons, counted, left, moved, self.skipped.by_source)
        nested = nested_losses(reasons, counted, self._owners.owner, moved)
        lost = sum((Counter(loss.reasons) for loss in losses.values()), Counter[str]())
        total_lost = sum(x.lost for x in losses.values())
        named = {k: counted[k] for k, why in reasons.items() if k in counted and why != ELSEWHERE}
        named = {k: n for k, n in named.items() if k not in moved}
        damaged = self._damaged.reasons({k: reasons[k] for k in named})
        self.questions = self.guard.questions(total_lost, lost, losses, damaged, nested)
        self.guard.settle(self.questions, named, self._owners.owner, asks=not self.options.dry_run)

    def documents_gone(
        self, count: Callable[[list[Key]], int], gone: Iterable[Key]
    ) -> dict[Key, int]:
        """Files whose documents go, with their number. `count`: of files; `gone`: from the catalog."""
        replaced = {} if self.replaced is None else self.replaced.documents
        unread = {k: n for k, n in replaced.items() if k in self.absent}
        return unread | {key: count([key]) for key in gone}

    def refuse_empty(self) -> None:
        """Raise UsageError that the sources hold no documents, InputError if none could be listed."""
        what = ", ".join("stdin" if s.path == STDIN else self.shown(s.path) for s in self.given)
        if self.unlisted:
            errors = [str(u) for _, u in self.unlisted]
            raise InputError(f"{what}: nothing could be read", errors)
        seen = ", ".join(counted_reason(n, why) for why, n in by_number(self.skipped.reasons))
        raise UsageError(f"{what}: no documents there ({'left out: ' + seen if seen else 'empty'})")

    def unscanned_failures(self) -> tuple[tuple[str, str, str], ...]:
        """Failures of earlier runs in the sources that this run does not read."""
        scanned = {s.path for s in self.scan} | ({STDIN} if self.stdin else set())
        return tuple(f for f in self._failed_before if f[0] not in scanned)

    def filters(self) -> dict[str, list[str]]:
        """Options that leave files out, by the place of each source that holds files and has some."""
        found = filter_options(s for s in self.scan if holds_files(self.full(s)))
        return {self.shown(path): words for path, words in found.items()}

    # ── files ────────────────────────────────────────────────────────────────────────────────────

    def _files(self, sources: Iterable[Source]) -> Iterator[SourceFile]:
        for source in sources:
            full = self.full(source)
            # an index among the documents is not one of them
            index = f"{self.root}{os.sep}" if self.root.is_relative_to(full) else None
            unused = UnusedSettings(source, self.shown(source.path))
            walked = walk(
                full,
                include=source.include,
                exclude=source.exclude,
                use_ignore=source.use_ignore,
                hidden=source.hidden,
                max_size=source.max_file_size,
                on_skip=partial(self.skipped.add, source.path),
                on_unmatched=unused.add_pattern if source.path in self._fresh else None,
                label=source.path,
                pictures=self.pictures,
            )
            for file in unused.through(walked) if source.path in self._fresh else walked:
                if isinstance(file, Unreadable):
                    self.unlisted.append(((source.path, file.path), file))
                elif index is None or not str(file.location).startswith(index):
                    yield file
            if source.path in self._fresh:
                self._unused.append(unused)

    def _unwalked(self, keys: Iterable[Key]) -> Iterator[SourceFile]:
        """Files of sources that are not walked; without those that are gone or another source's."""
        for source, name in sorted(keys):
            location = self.full(self.by_path[source]) / name
            if self._owners.owner((source, name)) != source or not sees_file(location):
                continue
            info = location.stat()
            yield SourceFile(
                source, name, str(location), info.st_size, info.st_mtime_ns, info.st_ctime_ns
            )

    def _ceded(self, known: Iterable[Key], found: set[Key], progress: Progress) -> dict[Key, str]:
        """Known files that are another source's now, with the reason why they go. `found`: of this run."""
        other = {key: owned for key in known if (owned := self._owners.key(key)) != key}
        news = (k for k, o in other.items() if o in found and o[0] in self._fresh)
        if moved := next(news, None):
            progress.say(describe_owner_change(moved, other[moved], self.shown))
        left = {k: o for k, o in other.items() if o not in found and not self._is_unlisted(o)}
        why = self._absence(left.values())
        return {
            key: ELSEWHERE if owned in found else why[owned]
            for key, owned in other.items()
            if owned in found or key in left
        }
