"""Words of an export: lengths and terms of the passages that it adds and takes away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qembed.engines.milvus.collection import MilvusCollection, RowStamps
from qembed.engines.milvus.term_counts import TermCounts, count_terms, words_of
from qembed.pipeline.export.changes import Changes


@dataclass(frozen=True, slots=True)
class WordCounts:
    """Lengths of all passages added up: terms, and single characters of scripts without spaces."""

    terms: int = 0
    characters: int = 0


@dataclass(slots=True)
class WordChanges:
    """Words that an export adds, and those that it takes away.

    `removed`: passages with each term; None where the counts there are cannot be trusted, because an export
    was stopped.
    """

    removed: Counter[str] | None
    added: Counter[str] = field(default_factory=Counter)
    terms: int = 0
    characters: int = 0

    def add(self, entities: Sequence[Mapping[str, Any]]) -> None:
        """Count entities that are written."""
        self.added += count_terms(e["words"] for e in entities)
        self.terms += sum(e["terms"] for e in entities)
        self.characters += sum(e["characters"] for e in entities)

    def save(self, counts: TermCounts, target: MilvusCollection, is_new: bool) -> None:
        """Bring the counts to the collection's state. `is_new`: it holds what was added, and nothing else."""
        if is_new:
            counts.replace(self.added)
        elif self.removed is None:
            counts.replace(count_terms(words_of(target)))
        else:
            counts.change(self.added, self.removed)

    def total(self, there: RowStamps, changes: Changes) -> WordCounts:
        """Lengths of all passages after the changes. `there`: the rows before."""
        import numpy as np

        kept = ~np.isin(there.rows, np.concatenate([changes.delete, changes.write]))
        return WordCounts(
            int(there.terms[kept].sum()) + self.terms,
            int(there.characters[kept].sum()) + self.characters,
        )


def removed_words(target: MilvusCollection, there: RowStamps, changes: Changes) -> Counter[str]:
    """Passages with each term among those that the changes delete or replace."""
    import numpy as np

    replaced = changes.write[np.isin(changes.write, there.rows)]
    return count_terms(words_of(target, [*changes.delete.tolist(), *replaced.tolist()]))
