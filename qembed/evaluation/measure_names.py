"""What measures are called: ir-measures' names, read leniently and printed in one spelling.

A measure is NAME, NAME@CUTOFF or NAME(param=value,…)@CUTOFF: `nDCG@10`, `R(rel=2)@100`, `AP`,
`Judged@10`. Upper and lower case do not matter, aliases (MRR, MAP, Recall) are known, and parameters
that say the default are dropped, so that a measure always prints as one text, by which reports,
gates and baselines find it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.errors import UsageError

DEFAULT = "nDCG@10 RR@10 R@100 P@5 Success@1 Judged@10"

EXAMPLE = "nDCG@10 R@100 RR@10"

_FORM = re.compile(r"([^\W\d]\w*)(?:\((.*)\))?(?:@(\d+(?:\.\d+)?))?", re.S)
_MOST = 1_000_000  # no run is deeper, and trec_eval reads cutoffs into a C long

# trec_eval's and other tools' names, for the hint only: accepting them would print another name.
_ELSEWHERE = {
    "ndcg_cut": "nDCG", "recip_rank": "RR", "map_cut": "AP", "hit": "Success", "hits": "Success",
    "hit_rate": "Success", "hitrate": "Success", "hole": "Judged", "iprec_at_recall": "IPrec",
    "num_q": "NumQ", "num_ret": "NumRet", "num_rel": "NumRel", "set_p": "SetP",
    "set_recall": "SetR", "set_f": "SetF", "set_map": "SetAP",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure by its name in the one spelling; made by `parse_measures`."""

    name: str

    def __str__(self) -> str:
        return self.name


class _NotOne(ValueError):
    """Why a text is no measure that can be computed."""


def parse_measures(text: str | Sequence[str]) -> list[Measure]:
    """The measures of "nDCG@10 R@100" or of several such texts, each once, in order.

    Blanks and commas separate them. Raises one UsageError that names all that are not measures, with
    near names.
    """
    parts = [text] if isinstance(text, str) else text
    found: dict[Measure, None] = {}
    wrong: list[str] = []
    for token in (token for part in parts for token in _split(part)):
        try:
            found[Measure(str(_read(token)))] = None
        except _NotOne as e:
            wrong.append(f"{token} ({e})")
    if wrong:
        known = f"; measures are written as in {EXAMPLE!r}"
        raise UsageError(f"cannot measure {', '.join(wrong)}{known}")
    if not found:
        raise UsageError(f"no measure is named (for example {EXAMPLE!r})")
    return list(found)


def implementation(measure: Measure) -> Any:
    """The ir_measures object of a measure that `parse_measures` made."""
    return _read(measure.name)


def cutoff(name: str) -> int | None:
    """How deep a run a measure looks at: the number after the @, None if it looks at all of it."""
    _, at, number = name.rpartition("@")
    return int(number) if at and number.isdigit() else None


def _split(text: str, separators: str = " \t\r\n,") -> list[str]:
    """The pieces between separators that stand outside brackets and quotes."""
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


def _read(token: str) -> Any:
    import ir_measures

    lib: Any = ir_measures
    kinds = {known.lower(): kind for known, kind in lib.measures.registry.items()}
    form = _FORM.fullmatch(token)
    if form is None and re.fullmatch(r"\w+\.\d+", token):  # trec_eval's recall.100
        raise _NotOne(_near(token.lower(), None, kinds, lib))
    if form is None:
        whole = token.count("(") == token.count(")")
        raise _NotOne("not of the form NAME@CUTOFF" if whole else "brackets do not match")
    name, inner, at = form.groups()
    kind = kinds.get(name.lower())
    if kind is None:
        raise _NotOne(_near(name.lower(), at, kinds, lib))
    params = {} if at is None else {kind.AT_PARAM: at}
    for piece in _split(inner or "", ","):
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or key in params:
            raise _NotOne(f"{piece.strip()!r} is no parameter" if not equals else f"{key} twice")
        params[key] = value
    return _make(kind, params, lib)


def _make(kind: Any, params: dict[str, str], lib: Any) -> Any:
    # The class prints under an alias' parameters too: NumRelRet is NumRet(rel=1).
    base = dict(kind.params)
    known = kind.SUPPORTED_PARAMS
    strange = [key for key in params if key not in known]
    if strange:
        has = ", ".join(known) or "none"
        raise _NotOne(f"no parameter {', '.join(strange)}; it has {has}")
    values = base | {key: _value(key, text, known[key]) for key, text in params.items()}
    for key, spec in known.items():
        if spec.required and key not in values:
            example = f"@{'10' if key == 'cutoff' else '0.1'}"
            how = f"{kind}{example}" if key == kind.AT_PARAM else f"{kind}({key}=…)"
            raise _NotOne(f"needs a {key}, as in {how}")
    # In the order of the specification and without defaults, so that there is one spelling.
    ordered = {key: values[key] for key in known if key in values}
    measure = type(kind)(**{k: v for k, v in ordered.items() if v != known[k].default})
    try:
        supported = lib.DefaultPipeline.supports(measure)
    except AssertionError as e:
        raise _NotOne(str(e)) from e
    if not supported:
        raise _NotOne("known, but nothing installed here computes it")
    return measure


def _value(key: str, text: str, spec: Any) -> Any:
    value = _literal(text)
    if spec.dtype is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    right = type(value) is spec.dtype if isinstance(spec.dtype, type) else spec.validate(value)
    if not right or not spec.validate(value):
        raise _NotOne(f"{key} cannot be {text}")
    limits: dict[str, Callable[[Any], bool]] = {
        "cutoff": lambda v: 1 <= v <= _MOST,
        "rel": lambda v: 0 <= v <= _MOST,
        "recall": lambda v: 0 <= v <= 1,
        "p": lambda v: 0 < v < 1,
        "beta": lambda v: v > 0,
        "gains": lambda v: all(type(n) is int and 0 <= n <= _MOST for n in [*v, *v.values()]),
    }
    if key in limits and not limits[key](value):
        raise _NotOne(f"{key} cannot be {text}")
    return value


def _literal(text: str) -> Any:
    """A whole number, a decimal, True or False, 'text' or {1: 2}; the text itself for others."""
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


def _near(name: str, at: str | None, kinds: dict[str, Any], lib: Any) -> str:
    """A question naming what may have been meant, among what can be computed here."""
    from difflib import get_close_matches

    trec = re.fullmatch(r"(\w+?)[_.](\d+(?:\.\d+)?)", name)
    stem, cut = (trec[1], trec[2]) if trec and at is None else (name, at)
    stem = _ELSEWHERE.get(stem, stem).lower()
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
    except _NotOne:
        return False
    return True
