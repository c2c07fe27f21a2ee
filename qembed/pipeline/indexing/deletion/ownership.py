"""Owners of files among nested sources, and what changes when a source is named inside another."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from qembed.inputs import sees_folder
from qembed.pipeline.indexing.plan import Key


class FileOwners:
    """Owner of each file among nested sources: the innermost source that it lies in.

    It decides alone, under its own filters, whether the file is read.
    """

    def __init__(self, sources: Mapping[str, Path]) -> None:
        # without a slash at the end: that of the root folder
        self._top = {path: os.path.realpath(full).rstrip("/") for path, full in sources.items()}
        self._files = {path for path, full in sources.items() if not sees_folder(full)}
        self._at = {self._top[path]: path for path in sorted(self._top)}

    def nested_in(self, outer: Collection[str]) -> set[str]:
        """Sources that lie in another one of `outer`, or are the same by another name."""
        tops = Counter(self._top[path] for path in outer)
        found = set()
        for path, top in self._top.items():
            above = [top, *(str(p).rstrip("/") for p in Path(top or "/").parents)]
            if any(tops[a] - (a == top and path in outer) > 0 for a in dict.fromkeys(above)):
                found.add(path)
        return found

    def key(self, key: Key) -> Key:
        """Key that a file of a source has in its owner; the same one for files of no such source."""
        source, name = key
        if source not in self._top:
            return key
        location = self._top[source]
        if source not in self._files:
            location += f"/{name}"
        return self._at_location(location, source, key)

    def owner(self, key: Key) -> str:
        """Source that a file of a source lies in now."""
        return self.key(key)[0]

    def keys_of_places(self, keys: Iterable[Key], places: Mapping[str, Path]) -> dict[Key, Key]:
        """The same for files of sources that may not be among these, those with one of `places`."""
        tops = {
            path: os.path.realpath(place).rstrip("/") + "/" * sees_folder(place)
            for path, place in places.items()
        }
        return {
            key: self._at_location(
                top + key[1] if (top := tops[key[0]]).endswith("/") else top, key[0], key
            )
            for key in keys
            if key[0] in tops
        }

    def _at_location(self, location: str, source: str, key: Key) -> Key:
        top = location
        while top and top not in self._at:
            top = top.rpartition("/")[0]
        owner = self._at.get(top)
        if owner is None or owner == source:
            return key
        return owner, Path(top).name if owner in self._files else location[len(top) + 1 :]


def describe_owner_change(key: Key, owned: Key, shown: Callable[[str], str]) -> str:
    """Line on a source that takes files from another: by the keys of one in both. `shown`: a source."""
    return (
        f"{shown(owned[0])} is a source of its own now: what has no id is named by its path there, "
        f"{owned[1]} for {key[1]} of {shown(key[0])} (judgments and filters want the new names)"
    )
