"""Sources that do not exist any more: an unmounted disk, a folder that was moved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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


def refuse_missing(lost: Collection[str], shown: Callable[[str], str]) -> None:
    """Raise UsageError for sources with documents that do not exist. `shown`: as of `missing_sources`."""
    if lost:
        raise UsageError(
            f"{', '.join(map(shown, sorted(lost)))}: the source is gone (an unmounted disk?); "
            "nothing was changed (--allow-missing deletes its documents, qembed index --rebuild "
            "PATH ... makes an index of other sources)"
        )
