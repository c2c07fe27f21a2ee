"""Side of a comparison from a folder or JSON lines that are not indexed: their sample alone is encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.drift.sample import MOST_DOCUMENTS, MOST_PASSAGES
from qembed.errors import InputError
from qembed.pipeline.drift.side import Side, make_sample, numbered, without_copies
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_options import read_options
from qembed.pipeline.text_profile.text_facts import TextCounter
from qembed.search.filters.timespan import time_span
from qembed.types import Document, Passage, Unreadable

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.loaded_model import LoadedModel
    from qembed.store import Manifest

BATCH = 64


@dataclass(slots=True)
class _Read:
    """Documents of a path: their number, the sampled ones by key, and what could not be read."""

    documents: int
    chosen: list[tuple[bytes, Document]]
    failed: list[str]


def side_of_path(
    path: Path,
    loaded: LoadedModel,
    manifest: Manifest,
    time_field: str | None,
    progress: Progress,
    warn: Any,
) -> Side:
    """Read, sample and encode the documents of a folder or file.

    `warn(line)`: called for what could not be read. Raises UsageError, InputError if nothing could be read.
    """
    import numpy as np

    from qembed.pipeline.passage_builder import PassageBuilder

    read = _read(path, manifest, progress)
    for line in read.failed[:5]:
        warn(f"not read: {line}")
    if not read.chosen:
        raise InputError(f"--new {path}: no document could be read", read.failed)
    builder = PassageBuilder(loaded.model, manifest.recipe)
    passages: list[Passage] = []
    texts: list[str] = []
    unit: list[int] = []
    times: list[int] = []
    seen = 0
    for number, (_, document) in enumerate(read.chosen):
        whole = builder.passages(document)
        seen += len(whole)
        step = max(1, len(whole) // MOST_PASSAGES)
        ours = whole[::step][:MOST_PASSAGES]
        passages += ours
        texts += builder.encoder_texts(document, ours)
        unit += [number] * len(ours)
        times += [_time(document, time_field)] * len(ours)
    if not passages:
        raise InputError(f"--new {path}: its documents have no text")
    vectors = _encode(texts, loaded, progress)
    units = np.array(unit, dtype=np.int64)
    kept = without_copies(vectors, units)
    at = kept.tolist()
    facts = TextCounter(loaded.model.tokenizer()).count([passages[i].text for i in at])
    known = [t for t in times if t]
    return Side(
        make_sample(vectors[kept], numbered(units[kept]), facts),
        read.documents,
        round(seen * read.documents / len(read.chosen)),
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


def _read(path: Path, manifest: Manifest, progress: Progress) -> _Read:
    """Read the documents of a path and keep those with the smallest digests."""
    import heapq

    read = _Read(0, [], [])
    heap: list[tuple[int, int, Document]] = []
    seen: set[bytes] = set()
    progress.phase("read", "documents", None)
    for item in _documents(path, manifest):
        if isinstance(item, Unreadable):
            read.failed.append(str(item))
        if not isinstance(item, Document) or item.digest in seen:
            continue
        if progress.stop():
            raise KeyboardInterrupt
        progress.advance(1)
        read.documents += 1
        digest = item.digest
        seen.add(digest)
        entry = -int.from_bytes(digest, "big"), -read.documents, item
        if len(heap) < MOST_DOCUMENTS:
            heapq.heappush(heap, entry)
        elif entry > heap[0]:
            heapq.heapreplace(heap, entry)
    read.chosen = [(d.digest, d) for _, _, d in sorted(heap, key=lambda e: -e[0])]
    return read


def _documents(path: Path, manifest: Manifest) -> Iterator[Any]:
    """Items of the files below a path, read as the index's own source of that path would be."""
    from qembed.corpus import read, walk
    from qembed.store import Source

    source = next((s for s in manifest.sources if s.path != "-"), Source(str(path)))
    source = replace(Source(str(path)), id_field=source.id_field, text_field=source.text_field)
    for file in walk(path):
        if isinstance(file, Unreadable):
            yield file
            continue
        for item in read(file, read_options(source)):
            if isinstance(item, Document) and "mtime" not in item.meta:
                item = replace(item, meta={**item.meta, "mtime": file.mtime_ns / 1e9})
            yield item


def _time(document: Document, field: str | None) -> int:
    for name in (field,) if field else ("date", "timestamp", "mtime"):
        if (value := document.meta.get(name)) is not None:
            try:
                return time_span(value)[0]
            except ValueError:
                continue
    return 0
