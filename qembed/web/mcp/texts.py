"""Texts that UTF-8 can hold, since what goes over the protocol has to be UTF-8."""

from __future__ import annotations

from typing import Any


def utf8_text(text: str) -> str:
    """Replace parts of file names that are not UTF-8, and other halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode()


def with_utf8_texts(value: Any) -> Any:
    """JSON values with texts that UTF-8 can hold."""
    if isinstance(value, str):
        return utf8_text(value)
    if isinstance(value, dict):
        return {utf8_text(str(k)): with_utf8_texts(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [with_utf8_texts(v) for v in value]
    return value if isinstance(value, int | float) or value is None else utf8_text(str(value))
