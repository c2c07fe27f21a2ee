"""Settings of a source that change nothing: patterns without a match, fields where there are no records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from qembed.corpus import suffix
from qembed.corpus.formats import format_of
from qembed.inputs import from_here, sees_file
from qembed.pipeline.progress import Progress
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


def without_unused(source: Source, full: Path, silent: Collection[str]) -> tuple[Source, str]:
    """A source at `full` without patterns if it is one file, and a line on these, "" for none.

    `silent`: names of settings that are not worth a line.
    """
    names = [n for n in ("include", "exclude") if getattr(source, n)]
    if not names or not sees_file(full):
        return source, ""
    options = " and ".join(f"--{n}" for n in names if n not in silent)
    line = f"{from_here(full)}: {options}: no effect on a file that is named itself"
    return replace(source, include=(), exclude=()), line if options else ""


class UnusedSettings:
    """Collects, during one walk of a source, what its settings have met.

    `shown`: its name in lines.
    """

    def __init__(self, source: Source, shown: str) -> None:
        self._source, self._shown = source, shown
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

    def report(self, progress: Progress) -> None:
        """Say which settings have no effect; of patterns also where talk is silenced.

        A pattern that matches nothing is mistyped: what it names is missing in the index, or is in it.
        """
        path = self._shown
        for option, pattern in self._unmatched:
            progress.warn(
                f"{path}: {option} {pattern!r} matches nothing (paths begin inside {path})"
            )
        for line in self._without_files():
            progress.say(line)

    def _without_files(self) -> list[str]:
        """Lines on settings of files that the source does not hold."""
        path, settings, found = self._shown, source_settings(self._source), []
        formats = {format_of(name) for name in self._suffixes.values()}
        for what in ("records", "CSV"):
            names = [n for n in settings if _WANTED.get(n, ("",))[0] == what]
            if names and formats and formats.isdisjoint(_WANTED[names[0]][1]):
                options = ", ".join(f"--{n.replace('_', '-')}" for n in names)
                found.append(f"{path}: {options}: no effect, it holds no {what}")
        return found
