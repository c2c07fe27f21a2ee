"""Settings of a source that change nothing: patterns without a match, fields where there are no records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from qembed.corpus import suffix
from qembed.corpus.formats import format_of
from qembed.inputs import sees_file
from qembed.pipeline.source_options import source_settings
from qembed.store import Source
from qembed.types import SourceFile, Unreadable

RECORDS = frozenset(("json_lines", "json", "delimited", "parquet"))
"""Formats whose files hold records."""
_WANTED = {
    **dict.fromkeys(("id_field", "text_field", "title_field"), ("records", RECORDS)),
    "id_prefix": ("records", RECORDS),
    "column_types": ("CSV", frozenset(("delimited",))),
}
"""Settings -> what a source has to hold for them to count, and the formats of that."""


class UnusedSettings:
    """Collects, during one walk of a source at `full`, what its settings have met."""

    def __init__(self, source: Source, full: Path) -> None:
        self._source = source
        self._is_file = sees_file(full)
        self._suffixes: dict[str, str] = {}  # suffix -> a name with it
        self._unmatched: list[tuple[str, str]] = []

    def add_pattern(self, option: str, pattern: str) -> None:
        """Record a pattern that no path has matched."""
        self._unmatched.append((option, pattern))

    def through(
        self, files: Iterable[SourceFile | Unreadable]
    ) -> Iterator[SourceFile | Unreadable]:
        """Yield the files, and record their formats."""
        for file in files:
            if isinstance(file, SourceFile):
                self._suffixes.setdefault(suffix(file.name), file.name)
            yield file

    def lines(self) -> list[str]:
        """A line for each setting without effect."""
        path, settings = self._source.path, source_settings(self._source)
        found = [
            f"{path}: {option} {pattern!r} matches nothing (paths begin inside {path})"
            for option, pattern in self._unmatched
        ]
        if self._is_file and (
            filters := [f"--{n}" for n in ("include", "exclude") if n in settings]
        ):
            found.append(
                f"{path}: {' and '.join(filters)}: no effect on a file that is named itself"
            )
        formats = {format_of(name) for name in self._suffixes.values()}
        for what in ("records", "CSV"):
            names = [n for n in settings if _WANTED.get(n, ("",))[0] == what]
            if names and formats and formats.isdisjoint(_WANTED[names[0]][1]):
                options = ", ".join(f"--{n.replace('_', '-')}" for n in names)
                found.append(f"{path}: {options}: no effect, it holds no {what}")
        return found
