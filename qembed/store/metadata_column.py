"""One field of all documents as an Arrow column that answers questions: which documents pass a test.

Nothing is made into objects of Python's: comparing 200,000 dates takes a millisecond.
"""

from __future__ import annotations

import fnmatch
import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qembed.store.arrow import bits, compute, raw, strings, valid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

EXACT = 2**53
"""Up to here every whole number is a float64."""
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARROW = {"=": "equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
_SIMPLE = re.compile(r"(!?)((?:[A-Za-z0-9](?:-[A-Za-z0-9])?)+)\]")
_RANGE = re.compile(r".-.")
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


@dataclass(frozen=True)
class MetadataColumn:
    """`array`: text, int64, float64 or booleans, or lists of text; null where a document has none."""

    array: Any

    def __len__(self) -> int:
        return len(self.array)

    @cached_property
    def lists(self) -> bool:
        """Whether each document has a list of values."""
        import pyarrow as pa

        return bool(pa.types.is_list(self.array.type))

    @cached_property
    def type(self) -> type:
        """str, float (for every number) or bool."""
        import pyarrow as pa

        kind = self._values.type
        return str if pa.types.is_string(kind) else bool if pa.types.is_boolean(kind) else float

    @cached_property
    def present(self) -> Mask:
        """Which documents have it, bool (n,)."""
        return valid(self.array)

    @cached_property
    def values(self) -> int:
        """How many values there are, those of lists counted one by one."""
        import numpy as np

        if self.lists:
            return int(np.diff(_offsets(self.array))[self.present].sum())
        return len(self._values) - int(self._values.null_count)

    @cached_property
    def _values(self) -> Any:
        if not self.lists:
            return self.array
        # not `flatten`, which imports all of pyarrow.compute
        ends = _offsets(self.array)
        return self.array.values.slice(int(ends[0]), int(ends[-1] - ends[0]))

    def suffixes(self) -> MetadataColumn:
        """Of each path the last dot of its name and what follows; nothing if that is the name's first."""
        import numpy as np
        import pyarrow as pa

        data = np.frombuffer(self.array.buffers()[2] or b"", dtype=np.uint8)
        bounds = _offsets(self.array)
        starts, ends = bounds[:-1], bounds[1:]
        name = np.maximum(_last(data, "/", ends) + 1, starts)
        dot = _last(data, ".", ends)
        starts = np.where(dot > name, dot, ends)
        lengths = ends - starts
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        at = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data[at])]
        return MetadataColumn(pa.Array.from_buffers(pa.string(), len(lengths), buffers))

    # ── tests ────────────────────────────────────────────────────────────────────────────────────

    def compare(self, sign: str, wanted: str | int | float | bool) -> Mask:
        """bool (n,): `= < <= > >=` with a value of the column's type; of a list, any element."""
        if isinstance(wanted, str):
            return self._any(bits(_call(_ARROW[sign], self._values, strings([wanted])[0])))
        if isinstance(wanted, bool):
            return self._any((bits(self._values) == wanted) & valid(self._values))
        return self._any(_numbers(self._values, sign, wanted) & valid(self._values))

    def among(self, wanted: Sequence[str]) -> Mask:
        """bool (n,): equal to any of the texts."""
        return self._any(bits(_call("is_in", self._values, wanted=wanted)))

    def glob(self, pattern: str) -> Mask:
        """bool (n,): text that a pattern of `fnmatch` describes, capitals counting."""
        return self._any(_glob(self._values, pattern))

    def _any(self, found: Mask) -> Mask:
        """A test of the values as one of the documents."""
        import numpy as np

        if not self.lists:
            return found
        ends = _offsets(self.array)
        ends = ends - ends[0]
        before = np.concatenate([[0], np.cumsum(found)])
        some: Mask = (before[ends[1:]] > before[ends[:-1]]) & self.present
        return some


def _call(function: str, *arguments: Any, wanted: str | Sequence[str] | None = None) -> Any:
    """One of Arrow's compute functions; `wanted`: a text or pattern to look for, or a set of texts."""
    options = None
    if isinstance(wanted, str):
        options = compute().MatchSubstringOptions(wanted)
    elif wanted is not None:
        options = compute().SetLookupOptions(strings(wanted), skip_nulls=True)
    return compute().call_function(function, list(arguments), options)


def _offsets(array: Any) -> npt.NDArray[np.int32]:
    import numpy as np

    if not len(array):
        return np.zeros(1, dtype=np.int32)
    start = array.offset * 4
    return np.frombuffer(array.buffers()[1], dtype=np.int32, count=len(array) + 1, offset=start)


def _last(data: npt.NDArray[np.uint8], sign: str, ends: npt.NDArray[np.int32]) -> Any:
    """Where the last `sign` (of ASCII) before each of `ends` is, int64 (n,); -1 for none."""
    import numpy as np

    found = np.concatenate([[-1], np.flatnonzero(data == ord(sign))])
    return found[np.searchsorted(found, ends) - 1]


def _numbers(array: Any, sign: str, wanted: int | float) -> Mask:
    """As Python compares them: a whole number with a fraction exactly, however large."""
    import numpy as np
    import pyarrow as pa

    have, order = raw(array), _ORDER[sign]
    if pa.types.is_floating(array.type):
        if isinstance(wanted, float) or abs(wanted) <= EXACT:
            found: Mask = order(have, wanted)
            return found
    elif isinstance(wanted, float) and abs(wanted) < EXACT:
        if not wanted.is_integer():
            if sign == "=":
                return np.zeros(len(have), dtype=bool)
            # x < 1.5 is x <= 1; x >= 1.5 is x > 1
            sign = "<=" if sign[0] == "<" else ">"
        return np.asarray(_ORDER[sign](have, math.floor(wanted)))
    elif isinstance(wanted, int) and -(2**63) <= wanted < 2**63:
        return np.asarray(order(have, wanted))
    return np.fromiter((order(x, wanted) for x in have.tolist()), bool, len(have))


# ── patterns ─────────────────────────────────────────────────────────────────────────────────────


def _glob(array: Any, pattern: str) -> Mask:
    try:
        pattern.encode()
    except UnicodeEncodeError:  # nothing that Arrow could be asked
        return _slowly(array, pattern)
    head = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    if head == pattern:
        return bits(_call("equal", array, strings([pattern])[0]))
    inner = pattern.strip("*")
    if not any(c in inner for c in "*?["):
        if pattern == inner + "*" * (len(pattern) - len(inner)):
            return bits(_call("starts_with", array, wanted=inner))
        if not pattern.endswith("*"):
            return bits(_call("ends_with", array, wanted=inner))
        return bits(_call("match_substring", array, wanted=inner))
    translated = _regex(pattern)
    if translated is not None:
        return bits(_call("match_substring_regex", array, wanted=translated))
    return _slowly(array, pattern, head)


def _regex(pattern: str) -> str | None:
    """The pattern for Arrow's engine, RE2; None where brackets hold other than letters and digits."""
    made, at = [], 0
    while at < len(pattern):
        c = pattern[at]
        at += 1
        if c == "*":
            made.append(".*")
        elif c == "?":
            made.append(".")
        elif c == "[":
            inside = _SIMPLE.match(pattern, at)
            if inside is None or any(r[0] > r[2] for r in _RANGE.findall(inside[2])):
                return None
            made.append(f"[{'^' if inside[1] else ''}{inside[2]}]")
            at = inside.end()
        else:
            made.append("\\" + c if c in _SPECIAL else c)
    return r"(?s)\A(?:" + "".join(made) + r")\z"


def _slowly(array: Any, pattern: str, head: str = "") -> Mask:
    """By Python's engine, looking at what begins as the pattern does."""
    import numpy as np

    match = re.compile(fnmatch.translate(pattern)).match
    found = bits(_call("starts_with", array, wanted=head)) if head else valid(array)
    at = np.flatnonzero(found)
    texts = array.to_pylist()
    found[at] = [match(texts[i]) is not None for i in at.tolist()]
    return found
