"""A small file of a format, and what has to come out of it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Sample(NamedTuple):
    """`documents`: id's end, text, title, metadata; or the words of the error. `others`: of other items."""

    name: str
    data: bytes
    documents: list[tuple[str, str, str, dict[str, Any]]] | str
    others: tuple[str, ...] = ()


def one(
    name: str,
    data: str | bytes,
    text: str,
    title: str = "",
    meta: dict[str, Any] | None = None,
    warning: str = "",
) -> Sample:
    raw = data.encode() if isinstance(data, str) else data
    return Sample(name, raw, [("", text, title, meta or {})], (warning,) if warning else ())


def same(
    name: str, text: str, title: str = "", meta: dict[str, Any] | None = None, warning: str = ""
) -> Sample:
    """A file whose text is what is in it."""
    return one(name, text, text, title, meta, warning)
