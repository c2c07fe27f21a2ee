"""Passages and vectors of a cluster, as the run that commits takes them: by document, then by text.

What is not there is chunked and encoded here, so a damaged file costs time and nothing else. One that cannot
be read ends the run, since the others may be gone as well: the next run has it made anew.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qembed.engines.shared_folder import SharedFolder
from qembed.pipeline.indexing.distributed.input_shards import content_key
from qembed.pipeline.indexing.distributed.shard_encoder import REFUSED
from qembed.pipeline.passage_builder import PassageBuilder
from qembed.types import Document, Meta, Passage, ReadItem, Unreadable

if TYPE_CHECKING:
    from qembed.models import Model
    from qembed.store.vector_files.encoded_passages import EncodedDocuments
    from qembed.types import Recipe, Vectors

LOST = (
    "every process of the cluster died that was to encode it (out of memory? without --engine it is encoded "
    "here)"
)
OPEN_FILES = 4
"""Files that are kept decoded: documents come in the order in which they were cut into shards."""


@dataclass(slots=True)
class EncodedAhead:
    """Files of encoded shards. `places`: key of a document to file and position. `lost`: keys of documents
    of which every process died that had them.
    """

    folder: SharedFolder
    places: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    lost: set[bytes] = field(default_factory=set)
    _open: OrderedDict[str, _OpenFile | None] = field(default_factory=OrderedDict)
    _vectors: dict[bytes, tuple[Vectors, int]] = field(default_factory=dict)

    def add_file(self, name: str, keys: Sequence[bytes]) -> None:
        """Add a file with the documents of these keys."""
        self.places.update((key, (name, i)) for i, key in enumerate(keys))

    def passages(self, document: Document) -> list[Passage] | None:
        """Passages of a document, None if they are not there. Their vectors can then be taken."""
        name, i = self.places.get(content_key(document), ("", 0))
        file = self._file(name) if name else None
        if file is None:
            return None
        self._vectors.update(file.vectors(i))
        return [replace(p, document=document.id) for p in file.encoded.passages[i]]

    def builder(self, model: Model, recipe: Recipe) -> PassageBuilder:
        """Make a PassageBuilder that takes the passages that are here, and makes all others."""
        return _AheadPassageBuilder(model, recipe, self)

    def without_lost(self, items: Iterable[ReadItem], meta: Meta, path: str) -> Iterator[ReadItem]:
        """Items of a file, with a failure in the place of each lost document. `meta`: of the source."""
        for item in items:
            if self.lost and isinstance(item, Document):
                document = replace(item, meta={**meta, **item.meta})
                if content_key(document) in self.lost:
                    yield Unreadable(path, LOST, item.line)
                    continue
            yield item

    def take(self, text_hash: bytes) -> tuple[Vectors, int] | None:
        """Vector and tokens of a text, once; None if they are not there."""
        return self._vectors.pop(text_hash, None)

    def _file(self, name: str) -> _OpenFile | None:
        if name not in self._open:
            self._open[name] = self._read(name)
            if len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)
        self._open.move_to_end(name)
        return self._open[name]

    def _read(self, name: str) -> _OpenFile | None:
        from qembed.store.vector_files.encoded_passages import unpack

        data = self.folder.read(name)
        with contextlib.suppress(ValueError):
            encoded = unpack(data)
            ends = [0]
            for passages in encoded.passages:
                ends.append(ends[-1] + len(passages))
            return _OpenFile(encoded, ends)
        return None


@dataclass(slots=True)
class _OpenFile:
    """Decoded file. `ends`: of each document's passages."""

    encoded: EncodedDocuments
    ends: list[int]

    def vectors(self, i: int) -> dict[bytes, tuple[Vectors, int]]:
        """Vectors and tokens of a document's passages by the hash of their text, copied."""
        e = self.encoded
        return {
            e.hashes[n]: (e.vectors[n].copy(), e.tokens[n])
            for n in range(self.ends[i], self.ends[i + 1])
            if e.tokens[n] != REFUSED
        }


class _AheadPassageBuilder(PassageBuilder):
    """PassageBuilder that takes the passages that a cluster made, and makes all others."""

    def __init__(self, model: Model, recipe: Recipe, ahead: EncodedAhead) -> None:
        super().__init__(model, recipe)
        self._ahead = ahead

    def passages(self, document: Document) -> list[Passage]:
        """Passages of a document."""
        found = None if document.picture is not None else self._ahead.passages(document)
        return super().passages(document) if found is None else found
