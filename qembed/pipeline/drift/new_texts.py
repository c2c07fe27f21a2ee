"""Side of a comparison from a folder or JSON lines that are not indexed: their sample alone is encoded."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from qembed.drift.sample import MOST_DOCUMENTS
from qembed.errors import InputError
from qembed.pipeline.drift.document_times import FIELDS
from qembed.pipeline.drift.side import Side, make_sample, numbered, without_copies
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_options import STDIN, read_options
from qembed.pipeline.text_profile.sampling import is_part, part_key, sample_passages
from qembed.pipeline.text_profile.text_facts import TextCounter
from qembed.search.filters.timespan import time_span
from qembed.types import Document, Passage, Unreadable

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.loaded_model import LoadedModel
    from qembed.store import Manifest

BATCH = 64
MOST_PARTS = 64
"""Parts of a file that passages are sampled of: the first ones."""


@dataclass(slots=True)
class _Unit:
    """Document, or parts of a file. `documents`: some of its parts; `count`: of all; `time`: of its file."""

    key: int
    documents: list[Document]
    count: int
    time: int


@dataclass(slots=True)
class _Read:
    """Documents of a path: the sampled units by key, the number of all, and what could not be read."""

    units: list[_Unit]
    number: int
    failed: list[str]


def side_of_path(
    path: Path,
    loaded: LoadedModel,
    manifest: Manifest,
    time_field: str | None,
    progress: Progress,
    warn: Any,
    stdin: BinaryIO | None = None,
) -> Side:
    """Read, sample and encode the documents of a folder or file, or the records of JSON lines on `stdin`.

    `warn(line)`: called for what could not be read. Raises UsageError, InputError if nothing could be read.
    """
    import numpy as np

    from qembed.pipeline.passage_builder import PassageBuilder

    read = _read(_documents(path, manifest, stdin), progress)
    for line in read.failed[:5]:
        warn(f"not read: {line}")
    if not read.units:
        raise InputError(f"--new {path}: no document could be read", read.failed)
    builder = PassageBuilder(loaded.model, manifest.recipe)
    passages: list[Passage] = []
    texts: list[str] = []
    number: list[int] = []
    times: list[int] = []
    total = 0.0
    for n, unit in enumerate(read.units):
        whole = [(d, p) for d in unit.documents for p in builder.passages(d)]
        total += len(whole) * unit.count / len(unit.documents)
        for document, passage in (whole[i] for i in sample_passages(unit.key, len(whole))):
            passages.append(passage)
            texts += builder.encoder_texts(document, [passage])
            number.append(n)
            times.append(_time(document, time_field) or unit.time)
    if not passages:
        raise InputError(f"--new {path}: its documents have no text")
    vectors = _encode(texts, loaded, progress)
    units = np.array(number, dtype=np.int64)
    kept = without_copies(vectors, units)
    at = kept.tolist()
    facts = TextCounter(loaded.model.tokenizer()).count([passages[i].text for i in at])
    known = [t for t in times if t]
    return Side(
        make_sample(vectors[kept], numbered(units[kept]), facts),
        read.number,
        round(total * read.number / len(read.units)),
        facts,
        [passages[i].text for i in at],
        [passages[i].document for i in at],
        [times[i] for i in at],
        min(known, default=0),
        max(known, default=0),
    )


def _encode(texts: list[str], loaded: LoadedModel, progress: Progress) -> Any:
    import numpy as np

    encoder = loaded.passage_encoder
    progress.phase("encode", "passages", len(texts))
    found = []
    for at in range(0, len(texts), BATCH):
        if progress.stop():
            raise KeyboardInterrupt
        found.append(encoder.encode(texts[at : at + BATCH]))
        progress.advance(len(found[-1]))
    return np.concatenate(found)


def _read(items: Iterable[tuple[Any, int]], progress: Progress) -> _Read:
    """Read documents and keep those with the smallest keys, as `sample_documents` does."""
    import heapq

    failed: list[str] = []
    kept: dict[int, _Unit] = {}
    heap: list[int] = []
    seen: set[int] = set()
    progress.phase("read", "documents", None)
    for item, changed in items:
        if isinstance(item, Unreadable):
            failed.append(str(item))
        if not isinstance(item, Document) or not item.text.strip():
            continue
        if progress.stop():
            raise KeyboardInterrupt
        progress.advance(1)
        part = is_part(item.id)
        key = part_key(item.id) if part else int.from_bytes(item.digest[:8], "little")
        if key not in seen:
            seen.add(key)
            heapq.heappush(heap, -key)
            kept[key] = _Unit(key, [item], 1, changed)
            if len(heap) > MOST_DOCUMENTS:
                del kept[-heapq.heappop(heap)]
        elif part and key in kept:
            kept[key].count += 1
            if len(kept[key].documents) < MOST_PARTS:
                kept[key].documents.append(item)
    return _Read([kept[k] for k in sorted(kept)], len(seen), failed)


def _documents(path: Path, manifest: Manifest, stdin: BinaryIO | None) -> Iterator[tuple[Any, int]]:
    """(item, when its file was changed) of a path or of stdin, read as the index's own sources are."""
    from qembed.corpus import read, read_lines, walk
    from qembed.store import Source

    piped = stdin is not None
    source = next((s for s in manifest.sources if (s.path == STDIN) == piped), Source(str(path)))
    if stdin is not None:
        now = time.time_ns()
        yield from ((item, now) for item in read_lines(stdin, STDIN, read_options(source)))
        return
    for file in walk(path):
        if isinstance(file, Unreadable):
            yield file, 0
            continue
        for item in read(file, read_options(source)):
            yield item, file.mtime_ns


def _time(document: Document, field: str | None) -> int:
    """Time that a document says, nanoseconds since 1970; 0 if it says none."""
    for name in (field,) if field else FIELDS:
        if (value := document.meta.get(name)) is not None:
            try:
                return time_span(value)[0]
            except ValueError:
                continue
    return 0
