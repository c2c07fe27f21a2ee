"""Pictures as the pages of their sources show them: captions, remembered from one run to the next.

A file of the index has, by source and page, size and times of the page and the pictures that it shows; and
the pictures whose documents may not have been read since what is said of them has changed. It may be lost:
all pages are read again then, and the pictures that one of them shows or showed.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from qembed.corpus import with_captions
from qembed.corpus.formats import FORMATS, PAGES, PICTURES, suffix
from qembed.paths import ON_PAGES
from qembed.pipeline.indexing.plan import Key, trusted_mtime
from qembed.pipeline.progress import Progress
from qembed.store import Catalog, Source
from qembed.store.durable_files import replace_file, storage_errors
from qembed.types import SourceFile

VERSION = 2
"""Raised when pages are read otherwise: all are read again then, and the pictures that they show."""
MOST = 10
"""Captions of a picture, and pages that are named with it."""


class Page(NamedTuple):
    """Page as it was read: size and times, and the pictures that it shows with what it says of each."""

    state: tuple[int, int, int]
    pictures: Mapping[str, Sequence[str]]


Pages: TypeAlias = dict[str, dict[str, Page]]
"""Pages by source and name."""
Said: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""Captions of a picture, and the pages that show it."""


class PicturesOnPages:
    """Pictures of one run's sources as the pages of the same source show them.

    `root`: of the index; `is_new`: it has no documents yet. `changed`: pictures to read again, as other
    things are said of them than when they were read.
    """

    def __init__(self, root: Path, is_new: bool = False) -> None:
        self.changed: set[Key] = set()
        self._root = root
        self._is_new = is_new
        self._before: Pages | None = None
        self._unsure: set[Key] = set()
        self._stored: object = None
        self._scanned: Set[str] = frozenset()
        self._anew: Set[str] = frozenset()
        self._is_unlisted: Callable[[Key], bool] = lambda _: False
        self._ceded: Set[Key] = frozenset()
        self._pages: Pages = {}
        self._is_any = False

    def read(self, scanned: Set[str], anew: Set[str], is_unlisted: Callable[[Key], bool]) -> None:
        """Read what the run before knew; without it nothing is known.

        `scanned`: sources that are walked; `anew`: those whose pages are read in any case. `is_unlisted`:
        True for a page in a folder that could not be listed, which says what it said before.
        """
        self._scanned, self._anew, self._is_unlisted = scanned, anew, is_unlisted
        if self._is_new:
            return
        try:
            body = json.loads((self._root / ON_PAGES).read_bytes())
            if body["version"] != VERSION:
                return
            unsure = {(str(source), str(name)) for source, name in body["unsure"]}
            before = {
                source: {
                    name: Page((size, mtime, ctime), dict(shown))
                    for name, (size, mtime, ctime, shown) in pages.items()
                }
                for source, pages in body["pages"].items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return
        self._before, self._unsure, self._stored = before, unsure, body

    def cede(self, pages: Set[Key]) -> set[Key]:
        """Note pages that are another source's now. Returns pictures that they showed in unwalked sources."""
        self._ceded = pages
        before = self._before or {}
        return {
            (source, picture)
            for source, name in pages
            if source not in self._scanned and name in before.get(source, {})
            for picture in before[source][name].pictures
        }

    def as_before(self, file: SourceFile) -> SourceFile | None:
        """A picture with what was said of it when it was read; None if that is not known."""
        if self._before is None or (file.source, file.name) in self._unsure:
            return None
        said = _by_picture(self._before.get(file.source, {}))
        captions, pages = said.get(file.name, ((), ()))
        return file._replace(captions=captions, shown_in=pages)

    def altered_pages(self, picture: Key) -> set[Key]:
        """Pages that say other things of a picture than before; those that are gone, too."""
        source, name = picture
        before, now = (self._before or {}).get(source, {}), self._pages.get(source, {})
        return {
            (source, page)
            for page in before.keys() | now.keys()
            if _said(before.get(page), name) != _said(now.get(page), name)
        }

    def told(
        self,
        found: Iterable[SourceFile],
        sources: Mapping[str, Source],
        catalog: Catalog | None = None,
        progress: Progress | None = None,
    ) -> list[SourceFile]:
        """The files with what they are to know: a picture its captions, a page the pictures of its source.

        `sources`: of the index, by path; `catalog`: its documents. Raises KeyboardInterrupt when `progress`
        is to stop.
        """
        files = list(found)
        kinds = [_kind(file.name) for file in files]
        pictures: dict[str, set[str]] = defaultdict(set)
        for file, kind in zip(files, kinds, strict=True):
            if kind == "picture":
                pictures[file.source].add(file.name)
        pages = [
            file
            for file, kind in zip(files, kinds, strict=True)
            if kind == "page" and file.source in pictures
        ]
        self._pages = self._read_pages(pages, sources, progress or Progress())
        before = self._before or {}
        unread = sources.keys() - self._scanned
        kept = {(s, n) for s in unread for n in before.get(s, {})} - self._ceded
        for source in pictures:
            now = self._pages.setdefault(source, {})
            for name, page in before.get(source, {}).items():
                key = source, name
                if name not in now and (key in kept or self._is_unlisted(key)):
                    now[name] = page
        said = {source: _by_picture(self._pages[source]) for source in pictures}
        self._compare(pictures, said, catalog)
        self._pages |= {
            s: {n: page for n, page in before[s].items() if (s, n) in kept}
            for s in unread & before.keys()
        }
        self._is_any = bool(pictures or self._pages)
        return list(_decorated(files, kinds, said, pictures))

    def begin(self) -> None:
        """Note, before documents are read, that those of `changed` may be of before."""
        self._write(self._unsure | self.changed)

    def finish(self) -> None:
        """Note that all documents of this run have been read. An index without pictures has no file."""
        if not self._is_any:
            with contextlib.suppress(OSError):
                (self._root / ON_PAGES).unlink()
        self._write({key for key in self._unsure if key[0] not in self._scanned})

    def _read_pages(
        self, pages: Iterable[SourceFile], sources: Mapping[str, Source], progress: Progress
    ) -> Pages:
        """The pages; those are read that have another size or time than before."""
        found: Pages = defaultdict(dict)
        before, unread = self._before or {}, []
        for file in pages:
            page = before.get(file.source, {}).get(file.name)
            if file.source in self._anew:
                page = None
            if page is not None and page.state == (file.size, file.mtime_ns, file.ctime_ns):
                found[file.source][file.name] = page
            else:
                unread.append(file)
        if not unread:
            return dict(found)
        from qembed.corpus.readers.pictures.shown import shown_pictures

        progress.phase("look for pictures", "pages", len(unread))
        for file in progress.counted(unread):
            if progress.stop():
                raise KeyboardInterrupt
            state = file.size, trusted_mtime(file, time.time_ns()), file.ctime_ns
            shown = shown_pictures(file, sources[file.source].encoding)
            found[file.source][file.name] = Page(state, {k: list(v) for k, v in shown.items()})
        return dict(found)

    def _compare(
        self,
        pictures: Mapping[str, set[str]],
        said: Mapping[str, Mapping[str, Said]],
        catalog: Catalog | None,
    ) -> None:
        """Set the pictures of which something else is said now."""
        if self._is_new or not pictures:
            return
        if self._before is None:
            known = _shown_before(catalog) if catalog is not None else set()
            self._unsure |= {key for key in known if key[0] not in self._scanned}
            for source, names in pictures.items():
                self.changed |= {
                    (source, n) for n in names if n in said[source] or (source, n) in known
                }
            return
        for source, names in pictures.items():
            before = self._before.get(source, {})
            if before != self._pages[source]:
                old, now = _by_picture(before), said[source]
                self.changed |= {(source, n) for n in names if old.get(n) != now.get(n)}
        self.changed |= {key for key in self._unsure if key[0] in pictures}

    def _write(self, unsure: Set[Key]) -> None:
        """Write the file if there are pictures, and it says something else. Raises StorageError."""
        if not self._is_any:
            return
        body: dict[str, Any] = {
            "version": VERSION,
            "pages": {
                source: {name: [*page.state, page.pictures] for name, page in pages.items()}
                for source, pages in self._pages.items()
                if pages
            },
            "unsure": [list(key) for key in sorted(unsure)],
        }
        if body != self._stored:
            with storage_errors(self._root):
                replace_file(self._root, ON_PAGES, json.dumps(body).encode())
            self._stored = body


def _said(page: Page | None, picture: str) -> Sequence[str] | None:
    """Words of a page on a picture, None if it does not show it."""
    return None if page is None else page.pictures.get(picture)


def _kind(name: str) -> str:
    ending = suffix(name)
    if ending in PICTURES:
        return "picture"
    return "page" if FORMATS.get(ending) in PAGES else ""


def _by_picture(pages: Mapping[str, Page]) -> dict[str, Said]:
    """Captions of each picture that pages show, and these pages, in the order of their names."""
    texts: dict[str, dict[str, None]] = defaultdict(dict)
    shown: dict[str, list[str]] = defaultdict(list)
    for name in sorted(pages):
        for picture, said in pages[name].pictures.items():
            if len(shown[picture]) < MOST:
                shown[picture].append(name)
            texts[picture].update(dict.fromkeys(said))
    return {p: (tuple(texts[p])[:MOST], tuple(names)) for p, names in shown.items()}


def _decorated(
    files: Iterable[SourceFile],
    kinds: Iterable[str],
    said: Mapping[str, Mapping[str, Said]],
    pictures: Mapping[str, Set[str]],
) -> Iterator[SourceFile]:
    for file, kind in zip(files, kinds, strict=True):
        if kind == "picture":
            captions, pages = said[file.source].get(file.name, ((), ()))
            yield with_captions(file)._replace(captions=captions, shown_in=pages)
        elif kind == "page" and file.source in pictures:
            yield file._replace(pictures=pictures[file.source])
        else:
            yield file


def _shown_before(catalog: Catalog) -> set[Key]:
    """Pictures of the catalog that pages showed."""
    columns = catalog.columns("source", "file", "meta")
    rows = zip(columns["source"], columns["file"], columns["meta"], strict=True)
    return {(source, file) for source, file, meta in rows if meta and '"shown_in"' in meta}
