"""Profile of an index as a derived file: counts of a sample of its passages, and a list of generations.

The counts are kept by row, so that a later profile takes over those of the rows that are in its sample again,
and a comparison reads the texts of the other rows alone. The list names for each commit its time and the
first row after it, which tells what was added since a generation.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.drift.sample import MOST_DOCUMENTS
from qembed.pipeline.text_profile.sampling import sample_documents
from qembed.pipeline.text_profile.text_facts import TextCounter, TextFacts
from qembed.search.lexical import VERSION
from qembed.store import Manifest, Snapshot
from qembed.store import derived_files as files

if TYPE_CHECKING:
    from qembed.types import Rows

SPARE = 1.25
"""Documents of a profile, as a multiple of a sample's: some of the index are new in a comparison."""
GROWTH = 1.1
"""A profile is made again once the index has so many times the rows it had then."""
GENERATIONS = 500
"""Generations that are listed, at most: the last ones."""
BATCH = 64
"""Passages that are counted between two looks at the clock."""
LEAST_SECONDS = 0.02
SHARE = 0.01
"""CPU time of a profile in a run: at least LEAST_SECONDS, at most about this share of the run's own."""

Tokenizer = Callable[[], Any]
"""Opens a tokenizer, a `tokenizers.Tokenizer`, or returns None where the model has none."""


class Profile:
    """Counts of the passages of a profile, by row."""

    def __init__(self, facts: Mapping[int, TextFacts]) -> None:
        self.facts = facts

    def to_bytes(self) -> bytes:
        """Content of the file."""
        import numpy as np

        rows = sorted(self.facts)
        facts = [self.facts[r] for r in rows]
        terms = [f.terms for f in facts]
        counts = [(r, f.words, f.pieces, f.unread) for r, f in zip(rows, facts, strict=True)]
        told = {
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
        return cls(facts)


def open_profile(root: Path, manifest: Manifest) -> Profile | None:
    """Read the profile of an index; None if there is none, it is damaged, or of another one's rows.

    One whose terms are of another version of the analyzer is none, too: they would pass for new ones.
    """
    stamp = files.current(root, manifest, files.PROFILE)
    if stamp is None or not stamp.bytes or stamp.extra.get("analyzer") != VERSION:
        return None
    try:
        if not files.is_whole(root, stamp):
            files.mark_damaged(root, stamp)
            return None
        return Profile.of_bytes((root / stamp.file).read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def generations(root: Path, manifest: Manifest) -> list[tuple[int, float, int]]:
    """(generation, time, first row after it) of the commits that are listed, in order."""
    stamp = files.published(root, manifest, files.PROFILE)
    listed = [] if stamp is None else stamp.extra.get("generations", [])
    return [(int(g), float(t), int(r)) for g, t, r in listed]


def count_rows(
    snapshot: Snapshot,
    rows: Rows,
    known: Profile | None,
    tokenizer: Tokenizer,
    seconds: float | None = None,
) -> dict[int, TextFacts]:
    """Counts of rows: those that the profile has, and of the others by their texts.

    `seconds`: CPU time after which no more texts are counted, in the order of `rows`; None: all of them are.
    """
    import numpy as np

    found = {r: known.facts[r] for r in rows.tolist() if known is not None and r in known.facts}
    missing = np.array([r for r in rows.tolist() if r not in found], dtype=np.int64)
    if not len(missing):
        return found
    began = time.process_time()
    counter = TextCounter(tokenizer())
    step = len(missing) if seconds is None else BATCH
    for at in range(0, len(missing), step):
        if at and seconds is not None and time.process_time() - began > seconds:
            break
        part = missing[at : at + step]
        counted = counter.count([p.text for p in snapshot.passages(part)])
        found.update(zip(part.tolist(), counted, strict=True))
    return found


def update_profile(
    snapshot: Snapshot, tokenizer: Tokenizer | None, run_seconds: float = 0.0
) -> None:
    """List the generation, and count more of the sample if the index has outgrown it or it is not whole.

    `tokenizer`: None where no model is opened: nothing is counted, and a profile that is there stays.
    `run_seconds`: CPU time of the run so far, of which a SHARE is spent: what is left is counted in later
    runs, or by a comparison. For writers only. Raises OSError.
    """
    root, manifest = snapshot.root, snapshot.manifest
    stamp = files.current(root, manifest, files.PROFILE)
    listed = [list(g) for g in generations(root, manifest)]
    if not listed or listed[-1][2] != manifest.next_row:
        now = [manifest.generation, round(manifest.committed, 3), manifest.next_row]
        listed = [*listed, now][-GENERATIONS:]
    rows = manifest.next_row - manifest.base
    if stamp is not None and not files.is_whole(root, stamp):
        stamp = None
    if tokenizer is None and stamp is not None:
        return
    is_ours = stamp is not None and stamp.extra.get("analyzer") == VERSION
    if (
        stamp is not None
        and is_ours
        and stamp.extra["whole"]
        and rows < GROWTH * (stamp.upto - stamp.base)
    ):
        extra = {**stamp.extra, "generations": listed}
        if extra != stamp.extra:
            files.restamp(root, stamp, extra)
        return
    chosen = sample_documents(snapshot, documents=int(SPARE * MOST_DOCUMENTS)).rows
    facts: Mapping[int, TextFacts] = {}
    if tokenizer is not None:
        seconds = max(LEAST_SECONDS, SHARE * run_seconds)
        facts = count_rows(snapshot, chosen, open_profile(root, manifest), tokenizer, seconds)
    extra = {"generations": listed, "whole": len(facts) == len(chosen), "analyzer": VERSION}
    path = files.new_path(root, manifest, files.PROFILE)
    path.write_bytes(Profile(facts).to_bytes())
    files.seal(root, manifest, files.PROFILE, path, manifest.next_row, extra)
    if stamp is not None and root / stamp.file != path:
        files.remove(root, stamp)
