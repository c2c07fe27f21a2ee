"""Files that a run leaves out: their numbers by source and reason, and the first names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from qembed.corpus import UNKNOWN, counted_reason, suffix

MAX_LISTED = 1000
"""Files that are listed by name, unless all are wanted."""


class SkippedFiles:
    """Counts of the files that a run leaves out.

    `by_source`: numbers by reason, by the source's path. `suffixes`: of files with an unknown suffix, "" for
    none. `names`: path inside the source and reason of the first, with `all_names` of all.
    """

    def __init__(self, all_names: bool = False) -> None:
        self.by_source: dict[str, Counter[str]] = defaultdict(Counter)
        self.suffixes: Counter[str] = Counter()
        self.names: list[tuple[str, str]] = []
        self._all_names = all_names

    def add(self, source: str, name: str, reason: str) -> None:
        """Count a file of a source."""
        self.by_source[source][reason] += 1
        if reason == UNKNOWN:
            self.suffixes[suffix(name)] += 1
        if self._all_names or len(self.names) < MAX_LISTED:
            self.names.append((name, reason))

    @property
    def reasons(self) -> Counter[str]:
        """Numbers by reason, over all sources."""
        return total_skipped(self.by_source)

    def completed(
        self, before: Mapping[str, Mapping[str, int]], unread: Iterable[str]
    ) -> dict[str, dict[str, int]]:
        """Numbers of an index after this run: those of `before` for the sources that it did not walk."""
        found = {path: before[path] for path in unread if path in before}
        return {path: dict(n) for path, n in {**found, **self.by_source}.items()}


def total_skipped(by_source: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    """Numbers by reason, over all sources."""
    return sum((Counter(n) for n in by_source.values()), Counter[str]())


def by_number(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    """Reasons with their numbers, the largest first, equal ones by name: a folder's order is the disk's."""
    return sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))


def describe_skipped(reasons: Mapping[str, int]) -> str:
    """Numbers with their reasons, the largest first; what a command mends is a clause of its own."""
    ordered = by_number(reasons)
    needs = [f"{n:,}: {why}" for why, n in ordered if why.startswith("needs ")]
    others = [counted_reason(n, why) for why, n in ordered if not why.startswith("needs ")]
    return "; ".join([*([", ".join(others)] if others else []), *needs])
