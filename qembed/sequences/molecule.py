"""Grammar of SMILES: brackets closed, rings closed, a bond between two atoms. Valences are not looked at.

More is read than OpenSMILES has: a ring closure behind a branch, `>` of reactions, `->`, any bond (`~`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BONDS = frozenset("-=#$:~/\\@+?")
_BRACKET = re.compile(r"\[\d*[A-Za-z*#][\w@+\-:#*']*\]")
_ENDS = {"(": "an open branch", ".": "a dot", ">": "an arrow", "bond": "a bond"}
"""What an atom is to stand behind, by the unit before."""


def molecule_problem(units: Iterable[tuple[str, int]]) -> str | None:
    """Reason for which units of SMILES, each with its place from 0, are no molecule; None for one that is."""
    before, behind = "", 0
    atom = 0
    branches: list[tuple[int, int]] = []
    rings: dict[int, tuple[int, int, str]] = {}
    for unit, at in units:
        place = f"{unit!r} at {at + 1}"
        after_atom = before in ("atom", ")")
        if unit in _BONDS:
            if not after_atom and before != "(":
                return f"{place}: a bond behind {_ENDS.get(before, 'no atom')}"
            before = "bond"
        elif unit == ">":
            if before == "bond":
                continue  # an arrow of `->`
            if (problem := _open(branches, rings)) is not None:
                return problem
            if before == ".":
                return f"{place}: no atom behind a dot"
            before = ">"
        elif unit == ".":
            if not after_atom and before != "(":
                return f"{place}: a dot behind {_ENDS.get(before, 'no atom')}"
            before = "."
        elif unit == "(":
            if not after_atom:
                return f"{place}: a branch behind {_ENDS.get(before, 'no atom')}"
            branches.append((at, atom))
            before = "("
        elif unit == ")":
            if not branches:
                return f"{place} closes nothing"
            if not after_atom:
                return f"{place}: no atom behind {_ENDS[before]}"
            atom = branches.pop()[1]
            before = ")"
        elif unit[0] == "%" or unit.isdecimal():
            if not after_atom and before != "bond":
                return f"{place}: a ring closure behind {_ENDS.get(before, 'no atom')}"
            number = int(unit.removeprefix("%"))
            opened = rings.pop(number, None)
            if opened is None:
                rings[number] = (at, atom, unit)
            elif opened[1] == atom:
                return f"{place}: a ring of one atom"
            before = "atom"
        elif unit[0] == "[" and _BRACKET.fullmatch(unit) is None:
            return f"{unit[:40]!r} at {at + 1} is no atom"
        else:
            atom = at + 1
            before = "atom"
        behind = at
    if before in ("bond", "."):
        return f"no atom behind {_ENDS[before]} at {behind + 1}, its end"
    return _open(branches, rings)


def _open(branches: list[tuple[int, int]], rings: dict[int, tuple[int, int, str]]) -> str | None:
    """Reason for what is open at the end, the first of it."""
    left = [(at, "(", "closed") for at, _ in branches]
    left += [(at, unit, "closed: a ring needs its digit twice") for at, _, unit in rings.values()]
    if not left:
        return None
    at, unit, missing = min(left)
    return f"{unit!r} at {at + 1} is never {missing}"
