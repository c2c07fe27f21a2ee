"""Documents to shards of input, the unit of work of a cluster.

Where one ends is decided by the documents in it, so that a change in a corpus moves the ends near it only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from qembed.corpus import suffix
from qembed.types import Document

DOCUMENTS, CHARACTERS = 512, 1 << 20
"""Largest shard: about a thousand passages, a second to a minute of an encoder's time on one core."""
ENDS = 32
"""Of 256 values of a document's digest, those at which a shard ends that is half full."""


def content_key(document: Document) -> bytes:
    """Key of what a chunker reads of a document: 16 bytes, equal for equal passages and vectors."""
    ending = suffix(document.id.partition("#chapter=")[0])
    h = hashlib.blake2b(digest_size=16)
    for part in (
        document.digest,
        ending.encode("utf-8", "surrogatepass"),
        str(document.line).encode(),
    ):
        h.update(len(part).to_bytes(4, "little"))
        h.update(part)
    return h.digest()


@dataclass(slots=True)
class InputShard:
    """Documents that are chunked and encoded by one task. `keys`: `content_key` of each."""

    documents: list[Document] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    characters: int = 0

    def add(self, document: Document, key: bytes) -> None:
        """Add a document."""
        self.documents.append(document)
        self.keys.append(key)
        self.characters += len(document.text)

    @property
    def digest(self) -> str:
        """Digest of the documents in their order, 32 hex digits."""
        return hashlib.blake2b(b"".join(self.keys), digest_size=16).hexdigest()

    @property
    def is_full(self) -> bool:
        """True if it ends here."""
        if len(self.documents) >= DOCUMENTS or self.characters >= CHARACTERS:
            return True
        half = 2 * len(self.documents) >= DOCUMENTS or 2 * self.characters >= CHARACTERS
        return half and self.keys[-1][0] < ENDS

    def parts(self) -> list[InputShard]:
        """Shards of one document each."""
        return [
            InputShard([d], [k], len(d.text))
            for d, k in zip(self.documents, self.keys, strict=True)
        ]


def input_shards(documents: Iterable[Document]) -> Iterator[InputShard]:
    """Cut documents, in their order, into shards. A document that comes again alike is left out."""
    seen: set[bytes] = set()
    shard = InputShard()
    for document in documents:
        key = content_key(document)
        if key in seen:
            continue
        seen.add(key)
        shard.add(document, key)
        if shard.is_full:
            yield shard
            shard = InputShard()
    if shard.documents:
        yield shard


def pack_documents(documents: Iterable[Document], kinds: Iterable[str]) -> bytes:
    """Serialise what a chunker reads of documents, as JSON lines. `kinds`: how each is cut."""
    lines = [
        json.dumps([d.id, d.text, d.title, d.line, d.start, kind], separators=(",", ":"))
        for d, kind in zip(documents, kinds, strict=True)
    ]
    return "\n".join(lines).encode()


def unpack_documents(data: bytes) -> list[tuple[Document, str]]:
    """Read what `pack_documents` wrote: documents without metadata, and how each is cut."""
    found = []
    for row in data.split(b"\n"):
        name, text, title, line, start, kind = json.loads(row)
        found.append((Document(name, text, title, line=line, start=start), kind))
    return found
