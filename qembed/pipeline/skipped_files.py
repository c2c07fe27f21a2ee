"""Files that a run leaves out: their numbers by source and reason, and the first of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from qembed.corpus import UNKNOWN, counted_reason, suffix
from qembed.pipeline.source_options import FilePlaces

MAX_LISTED = 1000
"""Files that are listed by name, unless all are wanted."""


class SkippedFile(NamedTuple):
    """File that a run leaves out. `path`, `source`: full paths; `name`: inside the source.

    A folder that is left out as a whole has a slash at its end.
    """

    path: str
    source: str
    name: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """Documented fields."""
        return {
            "path": self.path,
            "source": self.source,
            "file": self.name,
            "reason": self.reason,
        }


def skipped_file(key: tuple[str, str], reason: str, places: FilePlaces) -> SkippedFile:
    """File of this source and name, with its places."""
    return SkippedFile(places.path(key), places.source(key[0]), key[1], reason)


class SkippedFiles:
    """Counts of the files that a run leaves out.

    `by_source`: numbers by reason, by the source's path. `suffixes`: of files with an unknown suffix, "" for
    none. Source, path inside it and reason are kept of the first, with `all_names` of all.
    """

    def __init__(self, all_names: bool = False) -> None:
        self.by_source: dict[str, Counter[str]] = defaultdict(Counter)
        self.suffixes: Counter[str] = Counter()
        self._listed: list[tuple[tuple[str, str], str]] = []
        self._all_names = all_names

    def add(self, source: str, name: str, reason: str) -> None:
        """Count a file of a source."""
        self.by_source[source][reason] += 1
        if reason == UNKNOWN:
            self.suffixes[suffix(name)] += 1
        if self._all_names or len(self._listed) < MAX_LISTED:
            self._listed.append(((source, name), reason))

    def listed(self, places: FilePlaces) -> list[SkippedFile]:
        """Files that are listed by name."""
        return [skipped_file(key, reason, places) for key, reason in self._listed]

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
