"""Times as people write them, as time spans in nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

YEARS = range(1970, 2100)
"""Numbers that mean years: the seconds would be within the first hour of 1970."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_MONTH = re.compile(r"(\d{4})(?:-(\d{2}))?$")
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(Z|[-+]\d{2}:?\d{2})?$")


def time_span(written: object) -> tuple[int, int]:
    """Parse a time to its span [first, after), nanoseconds since 1970: the year, month, day, … written.

    A number is seconds since 1970, one of YEARS a year. Without an offset, local time. Raises
    ValueError.
    """
    if isinstance(written, bool) or not isinstance(written, (str, int, float)):
        raise ValueError("write it as '2026-01-31' or '2026-01-31T12:00:00Z'")
    is_year = isinstance(written, int) and written in YEARS
    if not isinstance(written, str) and not is_year:
        return _number(written)
    text = str(written).strip()
    try:
        if month := _MONTH.match(text):
            return _month(int(month[1]), int(month[2] or 0))
        at = datetime.fromisoformat(text)
        if _DATE.match(text):
            # the next midnight by the calendar: a day with a change of clocks has 23 or 25 hours
            return _nanoseconds(at), _nanoseconds(at + timedelta(days=1))
        step = timedelta(minutes=1) if _MINUTE.match(text) else timedelta(seconds=1)
        first = _nanoseconds(at)
        if at.microsecond:
            return first, first + 1_000
        return first, first + int(step.total_seconds()) * 10**9
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{written!r} is none (write it as '2026-01-31' or '2026-01-31T12:00:00Z')"
        ) from None


def _number(written: float) -> tuple[int, int]:
    try:
        first = int(written * 10**9)
    except (OverflowError, ValueError):
        raise ValueError(f"{written} is none") from None
    limit = 2**62  # about the year 2116; beyond, numbers of numpy would overflow
    first = max(-limit, min(limit, first))
    return first, first + (10**9 if isinstance(written, int) else 1_000)


def _month(year: int, month: int) -> tuple[int, int]:
    """Span of a month, of the whole year for month 0."""
    first = datetime(year, month or 1, 1)
    after = datetime(year + 1, 1, 1) if month in (0, 12) else datetime(year, month + 1, 1)
    return _nanoseconds(first), _nanoseconds(after)


def _nanoseconds(at: datetime) -> int:
    aware = at if at.tzinfo is not None else at.astimezone()
    microseconds = (aware - _EPOCH) // timedelta(microseconds=1)
    return max(-(2**62), min(2**62, microseconds * 1_000))
