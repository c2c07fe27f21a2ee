"""Colours of a map's points: values of a field by its type, as a byte for each point.

Texts and truth values are categories, the commonest ones with a colour of their own; numbers and dates stand
on a ramp from the least to the greatest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from qembed.search.filters.field_values import flat_fields, literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

NONE = 255
"""Byte of a point that has no value."""
STEPS = 254
"""Greatest byte of a ramp."""
MOST_CATEGORIES = 12
"""Categories with a colour of their own; the rest is one more."""
MOST_FIELDS = 16
OTHER = "other"
LABEL_WORDS = 3
"""Words of a group in its name."""
LABEL = 60
"""Characters of a category's name."""
_DAY = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?(?:$|[T ])")


@dataclass(frozen=True, slots=True)
class Color:
    """Values of the points under one name. `kind`: category, number or date (days since 1970).

    `bytes`: of categories the number of one in `labels`, else 0 for `least` to STEPS for `most`; NONE.
    """

    name: str
    kind: str
    bytes: Bytes
    labels: Sequence[str] = ()
    least: float = 0.0
    most: float = 0.0


def categories(name: str, values: Sequence[Any], most: int = MOST_CATEGORIES) -> Color | None:
    """Colours of values, None for a missing one; None where no two points differ."""
    import numpy as np

    counts = Counter(v for v in values if v is not None)
    if len(counts) < 2:
        return None
    common = [v for v, _ in sorted(counts.items(), key=lambda c: (-c[1], str(c[0])))]
    shown = common if len(common) <= most + 1 else common[:most]
    number = {v: i for i, v in enumerate(shown)}
    labels = [shortened(v) for v in shown]
    if len(shown) < len(common):
        labels.append(f"{OTHER} ({len(common) - len(shown):,})")
    rest = len(shown)
    found = [NONE if v is None else number.get(v, rest) for v in values]
    return Color(name, "category", np.array(found, dtype=np.uint8), labels)


def ramp(name: str, kind: str, values: Sequence[float | None]) -> Color | None:
    """Colours of numbers, None for a missing one; None where no two points differ."""
    import numpy as np

    numbers = np.array([np.nan if v is None else _number(v) for v in values], dtype=np.float64)
    known = np.isfinite(numbers)
    if not known.any():
        return None
    least, most = float(numbers[known].min()), float(numbers[known].max())
    if least == most:
        return None
    steps = np.full(len(numbers), NONE, dtype=np.uint8)
    steps[known] = np.round((numbers[known] - least) / (most - least) * STEPS)
    return Color(name, kind, steps, (), least, most)


def _number(value: float) -> float:
    """Value as a float, NaN for a whole number that is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return float("nan")


def typed(name: str, values: Sequence[Any]) -> Color | None:
    """Colours of a metadata field by the type that its values have; None where they tell nothing.

    Of a list the first value counts. Texts of which most differ are names of documents, and tell nothing.
    """
    firsts = [(v[0] if v else None) if isinstance(v, list) else v for v in values]
    known = [v for v in firsts if v is not None]
    if known and all(type(v) in (int, float) for v in known):
        return ramp(name, "number", firsts)
    if known and all(isinstance(v, str) for v in known):
        days = [None if v is None else day_of(v) for v in firsts]
        if all(d is not None for d, v in zip(days, firsts, strict=True) if v is not None):
            return ramp(name, "date", days)
        if len(known) > MOST_CATEGORIES and 2 * len(set(known)) > len(known):
            return None
    words = [None if v is None else v if isinstance(v, str) else literal(v) for v in firsts]
    return categories(name, words)


def day_of(text: str) -> int | None:
    """Days from 1970 to a date as ISO 8601 writes it, a month's to its first; None for another text."""
    found = _DAY.match(text)
    if found is None:
        return None
    try:
        found_day = date(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        return None
    return (found_day - date(1970, 1, 1)).days


def metadata_values(metas: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Values of each field, None where a document has none. `metas`: metadata of each document."""
    found: dict[str, list[Any]] = {}
    n = 0
    for meta in metas:
        for name, value in flat_fields(meta):
            column = found.setdefault(name, [])
            column += [None] * (n - len(column))
            column.append(value)
        n += 1
    for column in found.values():
        column += [None] * (n - len(column))
    return found


def shortened(value: Any) -> str:
    """Name of a category on one line."""
    text = " ".join(str(value).split()) or "(empty)"
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"
