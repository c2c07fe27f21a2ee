"""Small indexes made directly in the store, without corpus or model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qembed.store import Catalog, CatalogEntry, Snapshot, Writer, text_hash
from qembed.store.manifest import Manifest
from qembed.types import Document, Passage, Recipe

DIM = 8


def recipe(**changes: object) -> Recipe:
    values = {
        "model": "test",
        "revision": "1",
        "dim": DIM,
        "pooling": "mean",
        "passage_text": "{text}",
        "title_rule": "title text",
        "max_tokens": 64,
        "overlap": 8,
        "chunker": "auto",
    }
    return Recipe(**{**values, **changes})  # type: ignore[arg-type]


def vector(text: str) -> np.ndarray:
    """A unit vector that depends on nothing but the text."""
    rng = np.random.default_rng(int.from_bytes(text_hash(text)[:8], "little"))
    v = rng.normal(size=DIM).astype(np.float32)
    return v / np.linalg.norm(v)


def passages(document: str, texts: list[str]) -> list[Passage]:
    found, at = [], 0
    for seq, text in enumerate(texts):
        found.append(Passage(document, seq, at, at + len(text), text, seq + 1, seq + 1))
        at += len(text)
    return found


def put(writer: Writer, name: str, texts: list[str]) -> CatalogEntry:
    """Appends a document's passages; returns its line."""
    if not texts:
        return CatalogEntry(name, "src", name, Document(name, "").digest, 0, 1, 0, 0)
    first = writer.append(
        passages(name, texts), [text_hash(t) for t in texts], np.stack([vector(t) for t in texts])
    )
    digest = Document(name, "".join(texts)).digest
    return CatalogEntry(name, "src", name, digest, 1, 1, first, len(texts), meta={"name": name})


def make(root: Path, documents: dict[str, list[str]]) -> Manifest:
    """One generation holding the given documents."""
    with Writer(root) as writer:
        if writer.manifest is None:
            writer.create(recipe(), "test")
        lines = [put(writer, name, texts) for name, texts in documents.items()]
        return writer.commit(Catalog.of(lines))


def contents(root: Path) -> dict[str, list[str]]:
    """Document id -> passage texts, as a reader finds them; vectors are checked on the way."""

    snapshot = Snapshot.open(root)
    found: dict[str, list[str]] = {}
    for i, line in enumerate(snapshot.catalog.entries()):
        rows = snapshot.rows_of(np.array([i]))
        got = snapshot.passages(rows)
        found[line.id] = [p.text for p in got]
        if len(rows):
            stored = snapshot.vectors(rows)
            np.testing.assert_array_equal(stored, np.stack([vector(p.text) for p in got]))
    snapshot.close()
    return found


A = {"a": ["one", "two"], "b": ["three"], "empty": []}


def files(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
