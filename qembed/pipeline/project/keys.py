"""Keys of a project file, and the form of their values."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

GATES = "gates."
"""Prefix of the keys in the table `gates`."""


def _text(value: Any, _folder: Path) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is wanted")
    if not value.strip():
        raise ValueError(f"a text is wanted, not {value!r}")
    return value


def _texts(value: Any, _folder: Path) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str) for v in values):
        raise ValueError("a text or a list of texts is wanted")
    if empty := [n for n, v in enumerate(values, 1) if not v.strip()]:
        where = "" if values is not value else f" as text {empty[0]} of {len(values)}"
        raise ValueError(f"a text is wanted, not {values[empty[0] - 1]!r}{where}")
    return list(values)


def _size(value: Any, folder: Path) -> str:
    text = str(value) if type(value) is int else _text(value, folder)
    from qembed.pipeline.source_options import parse_size

    parse_size(text)
    return text


def _model(value: Any, folder: Path) -> str:
    spec = _text(value, folder)
    # a folder beside the file, as the file says it
    return _path(spec, folder) if spec.startswith(("./", "../")) else spec


def _count(value: Any, _folder: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("a number from 1 on is wanted")
    return value


def _flag(value: Any, _folder: Path) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("true or false is wanted")


def _path(value: Any, folder: Path) -> str:
    """Path of the file's folder, as it is written from the current one."""
    written = Path(_text(value, folder)).expanduser()
    return str(written) if written.is_absolute() else os.path.relpath(folder / written)


def _sources(value: Any, folder: Path) -> list[str]:
    """Paths as `_path` writes them. Raises ValueError for standard input, which no file can share."""
    texts = _texts(value, folder)
    if "-" in texts:
        raise ValueError("a path is wanted, not - (qembed index - reads standard input)")
    return [_path(text, folder) for text in texts]


def _limits(value: Any, folder: Path) -> list[str]:
    """Limits as the options have them, `M=V`: texts of that form or a table of measures."""
    if not isinstance(value, dict):
        return _texts(value, folder)
    for measure, limit in value.items():
        if isinstance(limit, bool) or not isinstance(limit, int | float | str):
            raise ValueError(f"a number is wanted for {measure}")
    return [f"{measure}={limit}" for measure, limit in value.items()]


def _log(value: Any, _folder: Path) -> bool | str:
    if isinstance(value, bool):
        return value
    if value != "hashed":
        raise ValueError('true, false or "hashed" is wanted')
    return "hashed"


PARSERS: dict[str, Callable[[Any, Path], Any]] = {
    "sources": _sources,
    "include": _texts,
    "exclude": _texts,
    "max_file_size": _size,
    "model": _model,
    "rerank": _model,
    "k": _count,
    "where": _texts,
    "log": _log,
    "gates.queries": _path,
    "gates.qrels": _path,
    "gates.baseline": _path,
    "gates.fail_under": _limits,
    "gates.query_floor": _limits,
    "gates.max_drop": _limits,
    "gates.max_drop_significant": _texts,
    "gates.common": _flag,
}
KEYS = tuple(PARSERS)
"""Keys of a project file."""


def option_of(key: str) -> str:
    """Option of a key."""
    return f"--{key.removeprefix(GATES).replace('_', '-')}"
