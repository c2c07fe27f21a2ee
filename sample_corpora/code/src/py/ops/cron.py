from datetime import datetime, timedelta

FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))


def _parse_field(text, low, high):
    values = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        step = int(step) if step else 1
        if body == "*":
            first, last = low, high
        elif "-" in body:
            first, last = map(int, body.split("-"))
        else:
            first = last = int(body)
        if not low <= first <= last <= high or step < 1:
            raise ValueError(f"out of range: {part}")
        values.update(range(first, last + 1, step))
    return values


class Schedule:
    def __init__(self, expression):
        parts = expression.split()
        if len(parts) != 5:
            raise ValueError("five fields expected")
        for (name, low, high), part in zip(FIELDS, parts):
            setattr(self, name, _parse_field(part, low, high))
        self._any_day = parts[2] == "*"
        self._any_weekday = parts[4] == "*"

    def _day_fits(self, when):
        by_day = when.day in self.day
        by_weekday = (when.weekday() + 1) % 7 in self.weekday
        if self._any_day or self._any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def next_after(self, moment: datetime) -> datetime:
        when = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        last = when + timedelta(days=366 * 5)
        while when < last:
            if when.month not in self.month or not self._day_fits(when):
                when = when.replace(hour=0, minute=0) + timedelta(days=1)
            elif when.hour not in self.hour:
                when = when.replace(minute=0) + timedelta(hours=1)
            elif when.minute not in self.minute:
                when += timedelta(minutes=1)
            else:
                return when
        raise ValueError("never happens")
