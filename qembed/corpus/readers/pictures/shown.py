"""Pictures that a page shows from files of its own source: they are documents, and not left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from qembed.corpus.formats import PICTURES, suffix
from qembed.types import SourceFile


def without_own_files(
    left_out: Mapping[str, int], shown: Iterable[tuple[str, str]], file: SourceFile
) -> dict[str, int]:
    """Parts left out of a page, without the pictures that are files of its source.

    `shown`: of each picture its name among the parts, and its address.
    """
    found = Counter(left_out)
    for name, address in shown:
        if _is_own_file(address, file):
            found[name] -= 1
    return dict(+found)


def _is_own_file(address: str, file: SourceFile) -> bool:
    """True for a relative address of a picture file in the source of the page."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return False
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or not path or path.startswith("/") or "\0" in path:
        return False
    folder = file.name.rpartition("/")[0]
    name = os.path.normpath(f"{folder}/{path}" if folder else path)
    where = os.fspath(file.location)
    if name.startswith("..") or suffix(name) not in PICTURES or not where.endswith(file.name):
        return False
    return Path(where[: len(where) - len(file.name)] + name).is_file()
