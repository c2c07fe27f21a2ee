"""Choices of how preferences are read, made of a command's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from qembed.feedback.preferences import PreferenceOptions
from qembed.feedback.records import ClientKind


def preference_options(kinds: Sequence[str] = (), **values: Any) -> PreferenceOptions:
    """Checked choices, the rest by default. `kinds`: of clients. Raises UsageError."""
    if kinds:
        values["kinds"] = cast(tuple[ClientKind, ...], tuple(dict.fromkeys(kinds)))
    options = PreferenceOptions(**values)
    options.check()
    return options
