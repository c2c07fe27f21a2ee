from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, order=True)
class DateRange:
    """Days from ``start`` up to but not including ``end``."""

    start: date
    end: date

    def __post_init__(self):
        if self.end < self.start:
            raise ValueError("end before start")

    def __len__(self):
        return (self.end - self.start).days

    def __iter__(self):
        for offset in range(len(self)):
            yield self.start + timedelta(days=offset)

    def __contains__(self, day):
        return self.start <= day < self.end

    def overlaps(self, other):
        return self.start < other.end and other.start < self.end

    def weekdays(self, holidays=frozenset()):
        return sum(1 for day in self if day.weekday() < 5 and day not in holidays)


def merge(ranges):
    out = []
    for current in sorted(ranges):
        if out and current.start <= out[-1].end:
            out[-1] = DateRange(out[-1].start, max(out[-1].end, current.end))
        else:
            out.append(current)
    return out


def gaps(ranges, within):
    free, cursor = [], within.start
    for busy in merge(r for r in ranges if r.overlaps(within)):
        if busy.start > cursor:
            free.append(DateRange(cursor, busy.start))
        cursor = max(cursor, busy.end)
    if cursor < within.end:
        free.append(DateRange(cursor, within.end))
    return free
