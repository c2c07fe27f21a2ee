"""Times of logs: seconds since 1970, UTC, from what programs write."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

_MILLISECONDS = 1e11
"""Numbers from here on are milliseconds: as seconds they would be after the year 5138."""


def parse_time(value: Any) -> float:
    """Seconds since 1970 of an ISO 8601 text, of seconds or of milliseconds. Raises ValueError.

    A text without an offset is UTC; an offset may lack its colon (`+0000`).
    """
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"{value[:40]!r} is no time (such as 2026-11-29T10:00:00Z)") from None
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]!r} is no time")
    return value / 1000 if abs(value) >= _MILLISECONDS else float(value)


def format_time(seconds: float) -> str:
    """ISO 8601 with milliseconds and Z."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
