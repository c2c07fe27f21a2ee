"""Names of measures: ir-measures' names, parsed leniently and printed in one spelling.

A measure is NAME, NAME@CUTOFF or NAME(param=value,…)@CUTOFF: `nDCG@10`, `R(rel=2)@100`, `AP`, `Judged@10`.
Case is ignored, aliases (MRR, MAP, Recall) are known, and parameters with their default value are dropped.
So every measure has one spelling, by which reports, gates and baselines find it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.errors import UsageError

DEFAULT = "nDCG@10 RR@10 R@100 P@5 Success@1 Judged@10"

EXAMPLE = "nDCG@10 R@100 RR@10"

_FORM = re.compile(r"([^\W\d]\w*)(?:\((.*)\))?(?:@(\d+(?:\.\d+)?))?", re.S)
MAX_CUTOFF = 1_000_000  # no run is deeper, and trec_eval reads cutoffs into a C long

# Names of trec_eval and other tools, for hints only: accepting them would print another name.
FOREIGN_NAMES = {
    "ndcg_cut": "nDCG", "recip_rank": "RR", "map_cut": "AP", "hit": "Success", "hits": "Success",
    "hit_rate": "Success", "hitrate": "Success", "hole": "Judged", "iprec_at_recall": "IPrec",
    "num_q": "NumQ", "num_ret": "NumRet", "num_rel": "NumRel", "set_p": "SetP",
    "set_recall": "SetR", "set_f": "SetF", "set_map": "SetAP",
}  # fmt: skip


UNBOUNDED = frozenset({"NumQ", "NumRel", "NumRet", "alpha_DCG", "INST", "INSQ"})
"""Measures whose values are not between 0 and 1."""
COUNTS = frozenset({"NumQ", "NumRel", "NumRet"})
"""Measures that count: over several queries they are summed, as by trec_eval."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Measure, by its canonical name; made by `parse_measures`."""

    name: str

    def __str__(self) -> str:
        return self.name


class NotAMeasure(ValueError):
    """Raised for a text that is no measure that can be computed; the message says why."""


def parse_measures(text: str | Sequence[str]) -> list[Measure]:
    """Parse measures separated by blanks or commas, as in "nDCG@10 R@100", each once, in order.

    Raises one UsageError that names all mistakes, with suggestions.
    """
    parts = [text] if isinstance(text, str) else text
    found: dict[Measure, None] = {}
    wrong: list[str] = []
    for token in (token for part in parts for token in _split(part)):
        try:
            found[Measure(str(_parse(token)))] = None
        except NotAMeasure as e:
            wrong.append(f"{token} ({e})")
    if wrong:
        known = f"; measures are written as in {EXAMPLE!r}"
        raise UsageError(f"cannot measure {', '.join(wrong)}{known}")
    if not found:
        raise UsageError(f"no measure is named (for example {EXAMPLE!r})")
    return list(found)


def implementation(measure: Measure) -> Any:
    """Return the ir_measures object of a measure."""
    return _parse(measure.name)


def cutoff(name: str) -> int | None:
    """Return the cutoff of a measure, the number after the @; None if it has none."""
    _, at, number = name.rpartition("@")
    return int(number) if at and number.isdigit() else None


def highest(name: str) -> float:
    """Return the highest value a measure can have: 1, infinity for counts and gains that are not normalised.

    The lowest value of every measure is 0.
    """
    return math.inf if _bare(name) in UNBOUNDED else 1.0


def is_count(name: str) -> bool:
    """Return True for a measure that is summed over queries: its value, interval, differences and gates."""
    return _bare(name) in COUNTS


def _bare(name: str) -> str:
    return re.split(r"[(@]", name, maxsplit=1)[0]


def _split(text: str, separators: str = " \t\r\n,") -> list[str]:
    """Split at separators outside brackets and quotes."""
    pieces, depth, quote = [""], 0, ""
    for c in text:
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if c in separators and depth <= 0 and not quote:
            pieces.append("")
        else:
            pieces[-1] += c
    return [piece for piece in pieces if piece]


def _parse(token: str) -> Any:
    """Parse one measure to an ir_measures object. Raises NotAMeasure."""
    import ir_measures

    lib: Any = ir_measures
    kinds = {known.lower(): kind for known, kind in lib.measures.registry.items()}
    form = _FORM.fullmatch(token)
    if form is None and re.fullmatch(r"\w+\.\d+", token):  # trec_eval's recall.100
        raise NotAMeasure(_suggestion(token.lower(), None, kinds, lib))
    if form is None:
        whole = token.count("(") == token.count(")")
        raise NotAMeasure("not of the form NAME@CUTOFF" if whole else "brackets do not match")
    name, inner, at = form.groups()
    kind = kinds.get(name.lower())
    if kind is None:
        raise NotAMeasure(_suggestion(name.lower(), at, kinds, lib))
    params = {} if at is None else {kind.AT_PARAM: at}
    for piece in _split(inner or "", ","):
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or key in params:
            raise NotAMeasure(
                f"{piece.strip()!r} is no parameter" if not equals else f"{key} twice"
            )
        params[key] = value
    return _make(kind, params, lib)


def _make(kind: Any, params: dict[str, str], lib: Any) -> Any:
    """Make a measure of a registered kind with parsed parameters. Raises NotAMeasure."""
    # an alias may have parameters of its own: NumRelRet is NumRet(rel=1)
    base = dict(kind.params)
    known = kind.SUPPORTED_PARAMS
    strange = [key for key in params if key not in known]
    if strange:
        has = ", ".join(known) or "none"
        raise NotAMeasure(f"no parameter {', '.join(strange)}; it has {has}")
    values = base | {key: _value(key, text, known[key]) for key, text in params.items()}
    for key, spec in known.items():
        if spec.required and key not in values:
            example = f"@{'10' if key == 'cutoff' else '0.1'}"
            how = f"{kind}{example}" if key == kind.AT_PARAM else f"{kind}({key}=…)"
            raise NotAMeasure(f"needs a {key}, as in {how}")
    # in the order of the specification and without defaults, so that there is one spelling
    ordered = {key: values[key] for key in known if key in values}
    measure = type(kind)(**{k: v for k, v in ordered.items() if v != known[k].default})
    try:
        supported = lib.DefaultPipeline.supports(measure)
    except AssertionError as e:
        raise NotAMeasure(str(e)) from e
    if not supported:
        raise NotAMeasure("known, but nothing installed here computes it")
    return measure


def _value(key: str, text: str, spec: Any) -> Any:
    value = _literal(text)
    if spec.dtype is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    right = type(value) is spec.dtype if isinstance(spec.dtype, type) else spec.validate(value)
    if not right or not spec.validate(value):
        raise NotAMeasure(f"{key} cannot be {text}")
    limits: dict[str, Callable[[Any], bool]] = {
        "cutoff": lambda v: 1 <= v <= MAX_CUTOFF,
        "rel": lambda v: 1 <= v <= MAX_CUTOFF,  # grade 0 is not relevant
        "recall": lambda v: 0 <= v <= 1,
        "p": lambda v: 0 < v < 1,
        "beta": lambda v: v > 0,
        "gains": lambda v: all(type(n) is int and 0 <= n <= MAX_CUTOFF for n in [*v, *v.values()]),
    }
    if key in limits and not limits[key](value):
        raise NotAMeasure(f"{key} cannot be {text}")
    return value


def _literal(text: str) -> Any:
    """Parse a whole number, a decimal, True or False, 'text' or {1: 2}; any other text is itself."""
    text = text.strip()
    if re.fullmatch(r"-?\d{1,12}", text, re.A):
        return int(text)
    if re.fullmatch(r"-?\d{1,12}\.\d{1,12}", text, re.A):
        return float(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.startswith("{") and text.endswith("}"):
        pairs = [pair.partition(":") for pair in text[1:-1].split(",") if pair.strip()]
        return {_literal(key): _literal(value) for key, _, value in pairs}
    return text[1:-1] if re.fullmatch(r"'[^']*'|\"[^\"]*\"", text) else text


def _suggestion(name: str, at: str | None, kinds: dict[str, Any], lib: Any) -> str:
    """Suggest measures of a similar name, among those that can be computed here."""
    from difflib import get_close_matches

    trec = re.fullmatch(r"(\w+?)[_.](\d+(?:\.\d+)?)", name)
    stem, cut = (trec[1], trec[2]) if trec and at is None else (name, at)
    stem = FOREIGN_NAMES.get(stem, stem).lower()
    usable = [known for known, kind in kinds.items() if known.isascii() and _usable(kind, lib)]
    names = [stem] if stem in usable else get_close_matches(stem, usable, 2, 0.5)
    near: dict[str, None] = {}
    for kind in (kinds[known] for known in names):
        takes_cut = cut is not None and kind.AT_PARAM in kind.SUPPORTED_PARAMS
        near[f"{kind}@{cut}" if takes_cut else str(kind)] = None
    return f"did you mean {' or '.join(near)}?" if near else "not a measure ir-measures knows"


def _usable(kind: Any, lib: Any) -> bool:
    at = {kind.AT_PARAM: "1"} if kind.AT_PARAM in kind.SUPPORTED_PARAMS else {}
    try:
        _make(kind, at, lib)
    except NotAMeasure:
        return False
    return True
