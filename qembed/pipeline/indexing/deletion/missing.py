"""Sources that do not exist any more: an unmounted disk, a folder that was moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from qembed.errors import UsageError, refusal


def missing_sources(places: Mapping[str, Path], shown: Callable[[str], str]) -> set[str]:
    """Paths of sources that do not exist. Raises UsageError for those that cannot be reached.

    `places`: of the sources; `shown(path)`: a source in messages.
    """
    found = set()
    for path, place in places.items():
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError):
            found.add(path)
        except OSError as e:
            raise UsageError(
                f"{shown(path)}: the source cannot be reached ({refusal(e)}); nothing was changed"
            ) from e
    return found
