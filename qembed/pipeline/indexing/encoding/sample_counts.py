"""Counts of a sample of files, by their readers, and what they say of all files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

PASSAGES, REUSED, SECONDS = "passages", "reused", "seconds"
"""Passages, those whose vectors the index has, time of reading and cutting."""


class SampleCounts:
    """Counts by reader, each beside the bytes of the files that they were counted in."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, defaultdict[str, float]] = defaultdict(
            lambda: defaultdict(float)
        )
        self._bytes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def __contains__(self, reader: str) -> bool:
        return reader in self._bytes[PASSAGES]

    def has(self, name: str) -> bool:
        """True if anything was counted by this name."""
        return self._bytes[name].total() > 0

    def add(self, reader: str, size: int, counts: Mapping[str, float]) -> None:
        """Add the counts of a file of `size` bytes."""
        for name, n in counts.items():
            self._counts[name][reader] += n
            self._bytes[name][reader] += size

    def of_all(self, name: str, size: Mapping[str, int]) -> float:
        """Count of all files, in proportion to bytes. `size`: their bytes by reader.

        Of a kind that the sample lacks: as all others together.
        """
        counts, measured = self._counts[name], self._bytes[name]
        total = 0.0
        for reader, n in size.items():
            if measured[reader]:
                total += counts[reader] * (n / measured[reader])
            elif measured.total():
                total += sum(counts.values()) * (n / measured.total())
        return total
