"""Parameters of a request, from a query string or a JSON object: types, and all mistakes at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qembed.errors import InputError
from qembed.evaluation.formats.json_records import is_text

NO_UTF8 = "a text without halves of surrogate pairs"
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def from_query_string(found: Mapping[str, Sequence[str]], lists: Iterable[str]) -> dict[str, Any]:
    """Values as texts; those of `lists` as lists of texts. Raises InputError for one given twice."""
    several = set(lists)
    twice = [
        f"{n}: given {len(v)} times" for n, v in found.items() if len(v) > 1 and n not in several
    ]
    if twice:
        raise InputError("parameters that cannot be read:", twice)
    return {n: list(v) if n in several else v[0] for n, v in found.items()}


class WrongParameters(InputError):
    """Parameters that are missing, of the wrong type, do not go together, or mean nothing here."""


class Parameters:
    """Parameters by name, taken one by one; `check` tells of all that was wrong and of what nobody took.

    Values that are texts may stand for numbers and truth values where `texts` is True, as in a URL. A method
    returns its default for one that is missing, null or wrong.
    """

    def __init__(self, values: Mapping[str, Any], texts: bool = False) -> None:
        self._values = {n: v for n, v in values.items() if v is not None}
        self._texts = texts
        self._known: list[str] = []
        self.problems: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def _take(self, name: str) -> Any:
        self._known.append(name)
        return self._values.get(name)

    def _wrong(self, name: str, wanted: str) -> None:
        self.problems.append(f"{name}: {wanted} is wanted")

    def any(self, name: str) -> Any:
        """The value as it is, None without one."""
        return self._take(name)

    def text(self, name: str, default: str | None = None) -> str | None:
        """A text that UTF-8 can hold."""
        value = self._take(name)
        if isinstance(value, str) and is_text(value):
            return value
        if value is not None:
            self._wrong(name, NO_UTF8 if isinstance(value, str) else "a text")
        return default

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of some texts."""
        value = self._take(name)
        if value is None:
            return default
        if value not in choices:
            self._wrong(name, f"one of {', '.join(c for c in choices if c)}")
            return default
        return str(value)

    def whole(self, name: str, default: int, least: int, most: int | None = None) -> int:
        """A whole number of at least `least`, and at most `most`."""
        value = self._take(name)
        if value is None:
            return default
        if self._texts and isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:10])
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
        if not fits or (most is not None and value > most):
            limit = f"of at least {least}" if most is None else f"from {least} to {most:,}"
            self._wrong(name, f"a whole number {limit}")
            return default
        return int(value)

    def truth(self, name: str) -> bool | None:
        """True or false, None for neither."""
        value = self._take(name)
        if self._texts and isinstance(value, str):
            value = _WORDS.get(value.lower(), value)
        if value is not None and not isinstance(value, bool):
            self._wrong(name, "true or false")
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A text or a list of them."""
        value = self._take(name)
        found = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(v, str) for v in found):
            self._wrong(name, "a text or a list of texts")
            return ()
        if not all(is_text(v) for v in found):
            self._wrong(name, NO_UTF8)
            return ()
        return tuple(found)

    def check(self) -> None:
        """Raise WrongParameters for what was wrong, and for names that mean nothing here."""
        unknown = [n for n in self._values if n not in self._known]
        if unknown:
            names = ", ".join(sorted(n[:50] for n in unknown))
            known = ", ".join(dict.fromkeys(self._known)) or "nothing"
            near = nearest(sorted(unknown), list(dict.fromkeys(self._known)))
            hint = f", did you mean {' or '.join(near)}?" if near else ""
            self.problems.append(f"{names}: not known here{hint} (known: {known})")
        if self.problems:
            raise WrongParameters("parameters that cannot be used:", self.problems)


def nearest(unknown: Sequence[str], known: Sequence[str]) -> list[str]:
    """The known name that is most like each of the unknown ones."""
    from difflib import get_close_matches

    found = [m for name in unknown for m in get_close_matches(name[:50], known, 1)]
    return list(dict.fromkeys(found))
