"""Examples of earlier trainings, some of which are trained on again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from qembed.errors import cannot_read
from qembed.training.mining.lists import read_lists
from qembed.training.reranker.examples import (
    GradedTexts,
    graded_texts,
    read_preferences,
)
from qembed.training.training_lists import REPLAYED, HeldOut, apart, drawn
from qembed.types import Qrels


def replayed_examples(
    examples: Sequence[GradedTexts],
    file: Path,
    share: float,
    held_out: HeldOut,
    qrels: Qrels,
    seed: int,
) -> list[GradedTexts]:
    """Old examples, drawn from a file, that make up `share`, from 0 to 1, of the training beside `examples`.

    None has to do with a held-out query. Their query ids get the prefix REPLAYED. Fewer if the file has no
    more. Raises InputError for a file with mistakes, or without any such example.
    """
    old = read_old_examples(file)
    relevant = [
        [d for d, grade in zip(e.documents, e.grades, strict=True) if grade > 0] for e in old
    ]
    kept = apart([e.query for e in old], relevant, held_out, qrels)
    found = drawn([old[i] for i in kept], len(examples), share, seed, file)
    return [replace(e, query_id=REPLAYED + e.query_id) for e in found]


def read_old_examples(file: Path) -> list[GradedTexts]:
    """Read lists of `train mine`, or preferences, whichever the file's first line is. Raises InputError."""
    if file.suffix.lower() != ".parquet" and _is_preference(file):
        return read_preferences(file)
    return graded_texts(read_lists(file, "--replay-from"), {})


def _is_preference(file: Path) -> bool:
    """True if the first line that is not blank is a preference. Raises InputError if none can be read."""
    first = ""
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            first = next((line for line in stream if line.strip()), "")
    except OSError as e:
        raise cannot_read(file, e) from e
    with suppress(ValueError):
        body = json.loads(first)
        return isinstance(body, dict) and "chosen" in body
    return False
