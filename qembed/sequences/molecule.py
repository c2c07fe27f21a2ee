"""Grammar of SMILES: atoms in brackets, rings closed, one bond between two atoms. Valences are not looked at.

More is read than OpenSMILES has: a ring closure behind a branch, `>` of reactions, `->`, any bond (`~`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_BONDS = frozenset("-=#$:~/\\")
_INSIDE = frozenset("@+?")
"""Marks that stand in brackets alone, of those that units of SMILES have."""
_ELEMENTS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr "
    "Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta "
    "W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs "
    "Mt Ds Rg Cn Nh Fl Mc Lv Ts Og "
    "D T b c n o p s se as te si"
)
"""Elements, isotopes of hydrogen by letters of their own, aromatic atoms."""
_BRACKET = re.compile(
    rf"\[\d*(?:{'|'.join(sorted(_ELEMENTS.split(), key=len, reverse=True))}|\*|#\d{{1,3}}|R\d*'*)"
    r"(?:@@?|@(?:TH|AL|SP|TB|OH)\d{1,2})?(?:H\d*)?(?:\++|-+|[+-]\d{1,2})?(?::\d+)?\]"
)
"""Atom: isotope, element (`*`, `#6`, `R1` too), chirality, hydrogens, charge, number in a reaction."""
_ORDERS = {"-": "-", "/": "-", "\\": "-", "=": "=", "#": "#", "$": "$", ":": ":"}
"""Bond -> bond that it is beside its direction; others go with any."""
_ENDS = {"(": "an open branch", ".": "a dot", ">": "an arrow", "bond": "a bond"}
"""What an atom is to stand behind, by the unit before."""


class _Ring(NamedTuple):
    """Ring that is open: its digit and that place, its atom from 1, its bond or ""."""

    at: int
    atom: int
    unit: str
    order: str


def molecule_problem(units: Iterable[tuple[str, int]]) -> str | None:
    """Reason for which units of SMILES, each with its place from 0, are no molecule; None for one that is."""
    before, behind = "", 0
    atom = 0
    branches: list[tuple[int, int]] = []
    rings: dict[int, _Ring] = {}
    bond, begins = "", False
    bonded: set[tuple[int, int]] = set()
    for unit, at in units:
        place = f"{unit!r} at {at + 1}"
        after_atom = before in ("atom", ")")
        if unit in _BONDS:
            if not after_atom and before != "(":
                return f"{place}: a bond behind {_ENDS.get(before, 'no atom')}"
            begins = before == "("
            before, bond = "bond", unit
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
            if not after_atom and (before != "bond" or begins):
                what = _ENDS.get("(" if before == "bond" else before, "no atom")
                return f"{place}: a ring closure behind {what}"
            number = int(unit.removeprefix("%"))
            order = _ORDERS.get(bond, "") if before == "bond" else ""
            opened = rings.pop(number, None)
            if opened is None:
                rings[number] = _Ring(at, atom, unit, order)
            elif opened.atom == atom:
                return f"{place}: a ring of one atom"
            elif opened.order and order and opened.order != order:
                return f"{place}: a ring closed by {order}, and opened by {opened.order}"
            elif (opened.atom, atom) in bonded:
                return f"{place}: a second bond between two atoms"
            else:
                bonded.add((opened.atom, atom))
            before = "atom"
        elif unit in _INSIDE:
            return f"{place} is no bond"
        elif unit[0] == "[" and _BRACKET.fullmatch(unit) is None:
            return f"{unit[:40]!r} at {at + 1} is no atom"
        else:
            if before in ("atom", "bond", "(", ")"):
                bonded.add((atom, at + 1))
            atom = at + 1
            before = "atom"
        behind = at
    if before in ("bond", "."):
        return f"no atom behind {_ENDS[before]} at {behind + 1}, its end"
    return _open(branches, rings)


def _open(branches: list[tuple[int, int]], rings: dict[int, _Ring]) -> str | None:
    """Reason for what is open at the end, the first of it."""
    left = [(at, "(", "closed") for at, _ in branches]
    left += [(r.at, r.unit, "closed: a ring needs its digit twice") for r in rings.values()]
    if not left:
        return None
    at, unit, missing = min(left)
    return f"{unit!r} at {at + 1} is never {missing}"
