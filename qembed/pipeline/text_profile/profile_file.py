"""Profile of an index as a derived file: counts of a sample of its passages, and a list of generations.

The counts are kept by row, so that a later profile takes over those of the rows that are in its sample again,
and a comparison reads the texts of the other rows alone. The list names for each commit its time and the
first row after it, which tells what was added since a generation.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.drift.centres import fit_centres
from qembed.drift.sample import MOST_DOCUMENTS
from qembed.pipeline.text_profile.sampling import sample_documents
from qembed.pipeline.text_profile.text_facts import TextCounter, TextFacts
from qembed.store import Manifest, Snapshot
from qembed.store import derived_files as files

if TYPE_CHECKING:
    from qembed.types import Rows, Vectors

SPARE = 1.25
"""Documents of a profile, as a multiple of a sample's: some of the index are new in a comparison."""
GROWTH = 1.1
"""A profile is made again once the index has so many times the rows it had then."""
GENERATIONS = 500
"""Generations that are listed, at most: the last ones."""
WORST = 20
"""Most fragmented words that are listed."""

Tokenizer = Callable[[], Any]
"""Opens a tokenizer, a `tokenizers.Tokenizer`, or returns None where the model has none."""


class Profile:
    """Counts of the passages of a profile, by row. `summary`: what it says of the whole index."""

    def __init__(self, facts: Mapping[int, TextFacts], summary: Mapping[str, Any]) -> None:
        self.facts = facts
        self.summary = summary

    def to_bytes(self) -> bytes:
        """Content of the file."""
        import numpy as np

        rows = sorted(self.facts)
        facts = [self.facts[r] for r in rows]
        terms = [f.terms for f in facts]
        counts = [(r, f.words, f.pieces, f.unread) for r, f in zip(rows, facts, strict=True)]
        told = {
            "summary": dict(self.summary),
            "scripts": [f.scripts for f in facts],
            "fragmented": [f.fragmented for f in facts],
        }
        stream = io.BytesIO()
        np.savez(
            stream,
            counts=np.array(counts, dtype=np.int64).reshape(-1, 4),
            ends=np.cumsum([len(t) for t in terms], dtype=np.int64),
            terms=np.concatenate(terms) if terms else np.zeros(0, dtype=np.uint32),
            told=np.frombuffer(json.dumps(told, ensure_ascii=False).encode(), dtype=np.uint8),
        )
        return stream.getvalue()

    @classmethod
    def of_bytes(cls, data: bytes) -> Profile:
        """Inverse of `to_bytes`. Raises ValueError, KeyError, OSError for another content."""
        import numpy as np

        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            counts, ends, terms = found["counts"].tolist(), found["ends"].tolist(), found["terms"]
            told = json.loads(found["told"].tobytes())
        facts = {}
        begin = 0
        for (row, words, pieces, unread), end, scripts, fragmented in zip(
            counts, ends, told["scripts"], told["fragmented"], strict=True
        ):
            by_script = {name: (n, failed) for name, (n, failed) in scripts.items()}
            facts[row] = TextFacts(words, pieces, unread, terms[begin:end], by_script, fragmented)
            begin = end
        return cls(facts, told["summary"])


def open_profile(root: Path, manifest: Manifest) -> Profile | None:
    """Read the profile of an index; None if there is none, it is damaged, or of another one's rows."""
    stamp = files.current(root, manifest, files.PROFILE)
    if stamp is None or not stamp.bytes:
        return None
    try:
        if not files.is_whole(root, stamp):
            return None
        return Profile.of_bytes((root / stamp.file).read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def generations(root: Path, manifest: Manifest) -> list[tuple[int, float, int]]:
    """(generation, time, first row after it) of the commits that are listed, in order."""
    stamp = files.current(root, manifest, files.PROFILE)
    listed = [] if stamp is None else stamp.extra.get("generations", [])
    return [(int(g), float(t), int(r)) for g, t, r in listed]


def count_rows(
    snapshot: Snapshot, rows: Rows, known: Profile | None, tokenizer: Tokenizer
) -> dict[int, TextFacts]:
    """Counts of rows: those that the profile has, and of the others by their texts."""
    import numpy as np

    found = {r: known.facts[r] for r in rows.tolist() if known is not None and r in known.facts}
    missing = np.array([r for r in rows.tolist() if r not in found], dtype=np.int64)
    if len(missing):
        texts = [p.text for p in snapshot.passages(missing)]
        counted = TextCounter(tokenizer()).count(texts)
        found.update(zip(missing.tolist(), counted, strict=True))
    return found


def vectors_of_rows(snapshot: Snapshot, rows: Rows) -> Vectors:
    """Stored vectors of rows, float32 (n, dim), in their order; from the matrix where that has them."""
    found = files.matrix_rows(snapshot.root, snapshot.manifest, rows)
    return snapshot.vectors(rows) if found is None else found


def update_profile(snapshot: Snapshot, tokenizer: Tokenizer) -> None:
    """List the generation, and make the profile anew if the index has outgrown it. For writers only.

    Raises OSError.
    """
    root, manifest = snapshot.root, snapshot.manifest
    stamp = files.current(root, manifest, files.PROFILE)
    listed = [list(g) for g in generations(root, manifest)]
    if not listed or listed[-1][2] != manifest.next_row:
        now = [manifest.generation, round(manifest.committed, 3), manifest.next_row]
        listed = [*listed, now][-GENERATIONS:]
    extra = {"generations": listed}
    rows = manifest.next_row - manifest.base
    if stamp is not None and rows < GROWTH * (stamp.upto - stamp.base):
        if extra != stamp.extra:
            files.restamp(root, stamp, extra)
        return
    profile = make_profile(snapshot, open_profile(root, manifest), tokenizer)
    path = files.new_path(root, manifest, files.PROFILE)
    path.write_bytes(profile.to_bytes())
    files.seal(root, manifest, files.PROFILE, path, manifest.next_row, extra)
    if stamp is not None and root / stamp.file != path:
        files.remove(root, stamp)


def make_profile(snapshot: Snapshot, known: Profile | None, tokenizer: Tokenizer) -> Profile:
    """Profile of a generation; counts that `known` has are taken over."""
    chosen = sample_documents(snapshot, documents=int(SPARE * MOST_DOCUMENTS))
    facts = count_rows(snapshot, chosen.rows, known, tokenizer)
    vectors = vectors_of_rows(snapshot, chosen.rows)
    return Profile(facts, summarise(list(facts.values()), vectors))


def summarise(facts: Sequence[TextFacts], vectors: Vectors) -> dict[str, Any]:
    """Summary of sampled passages: JSON values."""
    import numpy as np

    words = sum(f.words for f in facts)
    scripts: dict[str, list[int]] = {}
    worst: dict[str, int] = {}
    for f in facts:
        worst.update(f.fragmented)
        for name, (n, unread) in f.scripts.items():
            counted = scripts.setdefault(name, [0, 0])
            counted[0] += n
            counted[1] += unread
    found: dict[str, Any] = {
        "passages": len(facts),
        "words": words,
        "pieces_a_word": round(sum(f.pieces for f in facts) / max(1, words), 4),
        "scripts": {n: {"words": w, "unread": u} for n, (w, u) in sorted(scripts.items())},
        "fragmented": dict(sorted(worst.items(), key=lambda x: (-x[1], x[0]))[:WORST]),
    }
    if len(vectors):
        centres = fit_centres(vectors)
        near = np.sort(centres.distances(vectors))
        mean = vectors.mean(axis=0)
        found["centroid"] = [round(float(v), 5) for v in mean]
        found["variance"] = round(float(((vectors - mean) ** 2).sum(axis=1).mean()), 5)
        found["centres"] = {
            "radii": [round(float(r), 4) for r in centres.radii],
            "shares": [round(float(s), 4) for s in centres.shares],
        }
        found["distances"] = [
            round(float(np.quantile(near, q)), 4) for q in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
        ]
    return found
