"""Settings of a source as the options of `qembed index` that make them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.inputs import from_here, sees_file, sees_folder
from qembed.store import Source
from qembed.types import Hit, Passage

if TYPE_CHECKING:
    from qembed.corpus import ReadOptions

STDIN = "-"
"""Path of the source of records without a file."""
SHARED = "shared"
"""Setting of an index: names of the settings of each source that are the project file's."""


def parse_size(text: str) -> int:
    """Parse a number of bytes such as `20M`; K, M and G are powers of 1024. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,12})([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise ValueError("wanted bytes, or a number with K, M or G")
    factor: int = 1024 ** " KMG".index(found[2].upper() or " ")
    return int(found[1]) * factor


def format_size(size: int) -> str:
    """Write a number of bytes as `parse_size` reads it: in the largest unit that it is a multiple of."""
    for power, unit in ((3, "G"), (2, "M"), (1, "K")):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return str(size)


def source_place(root: Path, path: str, *, is_full: bool = False) -> str:
    """Place of a source of the index at `root`, as it opens from the current folder; `-` for stdin.

    `is_full`: the full path.
    """
    if path == STDIN:
        return path
    full = os.path.normpath(root.parent / path)
    return full if is_full else from_here(full)


def is_file_source(place: Path, name: str) -> bool:
    """True if the source at `place` is a file; where nothing is there, by the `name` of a file in it."""
    return sees_file(place) or (place.name == name and not sees_folder(place))


class FilePlaces:
    """Full paths of the files of an index's sources, also of those that are gone. `root`: of the index."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tops: dict[str, tuple[str, bool]] = {}

    def source(self, path: str) -> str:
        """Full path of a source; `-` for stdin."""
        return source_place(self._root, path, is_full=True)

    def path(self, key: tuple[str, str]) -> str:
        """Full path of a file, by its source and its name there; `-` for stdin."""
        source, name = key
        if source == STDIN:
            return source
        if source not in self._tops:
            top = self.source(source)
            self._tops[source] = top, is_file_source(Path(top), name)
        top, is_file = self._tops[source]
        return top if is_file else os.path.join(top, name)  # noqa: PTH118 - keeps a folder's slash


def document_place(document: str, path: str) -> str:
    """Place of a document in the file at `path`: `a.pdf#page=3`; its id if it is in none."""
    if path == STDIN:
        return document
    passage = Passage(document, 0, 0, 0, "", 1, 1)
    fragment = Hit(document, path, "", passage, 0.0, {}, {}).fragment
    return f"{path}#{fragment}" if fragment else path


def source_settings(source: Source) -> dict[str, Any]:
    """Settings of a source that differ from the defaults, by name."""
    plain = Source(source.path)
    return {
        f.name: getattr(source, f.name)
        for f in fields(Source)
        if getattr(source, f.name) != getattr(plain, f.name)
    }


def source_options(settings: Mapping[str, Any]) -> list[str]:
    """Options of `qembed index` that give a source its settings (`source_settings`), as separate words."""
    words = []
    for name, value in settings.items():
        option = f"--{name.replace('_', '-')}"
        if name == "use_ignore":
            words.append("--no-ignore")
        elif value is True:
            words.append(option)
        elif isinstance(value, Mapping):
            texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}
            words += [word for k, v in texts.items() for word in (option, f"{k}={v}")]
        elif isinstance(value, tuple):
            words += [word for v in value for word in (option, v)]
        else:
            words += [option, format_size(value) if name == SIZE else str(value)]
    return words


SIZE = "max_file_size"
FILTERS = ("include", "exclude", SIZE)
"""Settings of a source that leave files out."""


def filter_options(sources: Iterable[Source]) -> dict[str, list[str]]:
    """Options that leave files out, as separate words, by the path of each source that has some."""
    found = {s.path: {k: v for k, v in source_settings(s).items() if k in FILTERS} for s in sources}
    return {path: source_options(settings) for path, settings in found.items() if settings}


def read_options(source: Source) -> ReadOptions:
    """Options that a source's files are read with."""
    from qembed.corpus import ReadOptions

    return ReadOptions(
        id_field=source.id_field,
        text_field=source.text_field,
        title_field=source.title_field,
        encoding=source.encoding,
        id_prefix=source.id_prefix,
        column_types=source.column_types,
    )


def with_codec_name(source: Source) -> Source:
    """The source with its encoding under Python's name. Raises UsageError for one that is none."""
    if source.encoding is None:
        return source
    from qembed.corpus import encoding_option

    return replace(source, encoding=encoding_option(source.encoding))
