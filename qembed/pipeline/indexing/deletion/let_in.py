"""Settings that sources had before a run and have no more, and the files that come in by that.

The reverse of a deletion: options replace those that were remembered, and one that is not given again is
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from qembed.corpus import GONE
from qembed.pipeline.indexing.deletion.losses import absence_reasons
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.indexing.summary import Forgotten
from qembed.pipeline.source_options import (
    FILTERS,
    STDIN,
    source_options,
    source_place,
    source_settings,
)
from qembed.store import FileState, Source
from qembed.types import SourceFile


def dropped_settings(before: Source, after: Source) -> dict[str, Any]:
    """Settings of a source that do not hold any more, by name; of repeatable ones the missing values.

    A setting with another value was given by an option, and is none of these.
    """
    now = source_settings(after)
    found: dict[str, Any] = {}
    for name, value in source_settings(before).items():
        if isinstance(value, tuple):
            missing: Any = tuple(v for v in value if v not in now.get(name, ()))
        elif isinstance(value, Mapping):
            missing = {k: v for k, v in value.items() if k not in now.get(name, {})}
        else:
            missing = None if name in now else value
        if missing:
            found[name] = missing
    return found


class ForgottenSettings:
    """Settings that the sources `given` to a run had in the index at `root`, as `old`, and have no more."""

    def __init__(self, root: Path, old: Mapping[str, Source], given: Iterable[Source]) -> None:
        self._root = root
        self._old = old
        found = {s.path: dropped_settings(old[s.path], s) for s in given if s.path in old}
        self._dropped = {path: names for path, names in found.items() if names and path != STDIN}

    def summarise(
        self,
        read: Iterable[SourceFile],
        known: Container[Key],
        pictures: str | None,
        files: Callable[[], Mapping[Key, FileState]] | None = None,
    ) -> list[Forgotten]:
        """Summarise by source. `read`: files that the run reads; `known`: those that the index had;
        `pictures`: the reason for which these are left out, None: they are read.

        `files()`: those that it has after the run, None in a dry run.
        """
        filtered = {
            path for path, names in self._dropped.items() if not {*FILTERS}.isdisjoint(names)
        }
        new = [(f.source, f.name) for f in read if f.source in filtered]
        new = [key for key in new if key not in known]
        why = absence_reasons(new, self._old, self._root, (), pictures)
        let_in = [key for key, reason in why.items() if reason != GONE]
        after = files() if files is not None and let_in else {}
        summary = []
        for path, dropped in self._dropped.items():
            names = {**dropped}
            own = [key for key in let_in if key[0] == path]
            states = [after[key] for key in own if key in after]
            summary.append(
                Forgotten(
                    source_place(self._root, path),
                    names.pop("exclude", ()),
                    source_options(names),
                    len(own),
                    None if files is None else sum(s.stop - s.start for s in states),
                )
            )
        return summary
