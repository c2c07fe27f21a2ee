"""Captions of a picture file: a text file beside it, what the file says itself, else the words of its name.

Beside `beach.jpg` a caption is `beach.jpg.txt`, `beach.txt` or `beach.caption`, the first that there is. A
text file that is a caption stays a document of its own, as any text file.
"""

from __future__ import annotations

import os
import re
import stat

from qembed.corpus import file_contents
from qembed.corpus.formats import CAPTION, PICTURES, suffix
from qembed.types import SourceFile

MAX_CAPTION = 64 * 1024
"""Bytes of a caption; a longer file is none."""
_WORDS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")


def caption_of(file: SourceFile) -> str:
    """Caption in a file beside the picture, "" without one."""
    for place in _places(os.fspath(file.location)):
        size = _size(place)
        if size is None:
            continue
        beside = SourceFile(file.source, place, place, size, 0)
        found = file_contents.text(beside)
        if isinstance(found, file_contents.Text) and found.text.strip():
            return found.text.strip()
    return ""


def with_captions(file: SourceFile) -> SourceFile:
    """A picture file with size and times of it and its captions: a change of either is one of the picture.

    Other files are returned as they are.
    """
    if suffix(file.name) not in PICTURES:
        return file
    size, mtime, ctime = file.size, file.mtime_ns, file.ctime_ns
    for place in _places(os.fspath(file.location)):
        if (beside := _regular(place)) is not None:
            size += beside.st_size
            mtime, ctime = max(mtime, beside.st_mtime_ns), max(ctime, beside.st_ctime_ns)
    return file._replace(size=size, mtime_ns=mtime, ctime_ns=ctime)


def words_of_name(name: str) -> str:
    """Words of a file's name: `red-bicycle_2.png` gives `red bicycle 2`."""
    leaf = name.rpartition("/")[2]
    stem = leaf.rpartition(".")[0] or leaf
    return " ".join(_WORDS.sub(" ", stem).split()) or leaf


def _places(location: str) -> tuple[str, str, str]:
    stem = location[: location.rindex(".")]
    return f"{location}.txt", f"{stem}.txt", f"{stem}{CAPTION}"


def _regular(place: str) -> os.stat_result | None:
    try:
        info = os.lstat(place)
    except OSError:
        return None
    return info if stat.S_ISREG(info.st_mode) and info.st_size <= MAX_CAPTION else None


def _size(place: str) -> int | None:
    info = _regular(place)
    return None if info is None else info.st_size
