"""Verdicts for continuous integration: floors for measures, and how far below a baseline is too far.

Numbers are compared as they are, unrounded, with 1e-9 of tolerance, so that a gate set to the value
that a report shows in full does not fail on another machine's last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from qembed.errors import UsageError
from qembed.evaluation.measure_names import Measure, parse_measures
from qembed.evaluation.measures import Report
from qembed.evaluation.significance import ALPHA, Difference

TOLERANCE = 1e-9

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gate:
    """`measure` must reach `wanted`."""

    measure: str
    wanted: float


@dataclass(frozen=True, slots=True)
class Drop:
    """`measure` may fall below the baseline's by at most `allowed`; `percent`: of the baseline's value."""

    measure: str
    allowed: float
    percent: bool = False

    def floor(self, baseline: float) -> float:
        """The least that passes."""
        allowed = abs(baseline) * self.allowed / 100 if self.percent else self.allowed
        return baseline - allowed


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate said. `wanted` is the floor, for a drop the baseline's value less what is allowed.

    `kind`: "fail-under", "max-drop", "max-drop-significant" or "query-floor", the option it came from.
    `note`: what else there is to know (an interval, the queries below a floor).
    """

    measure: str
    wanted: float
    got: float
    ok: bool
    kind: str = "fail-under"
    note: str = ""

    def __str__(self) -> str:
        sign = ">=" if self.got >= self.wanted - TOLERANCE else "<"
        note = f": {self.note}" if self.note else ""
        return f"{self.measure} {self.got:.6g} {sign} {self.wanted:.6g} ({self.kind}){note}"

    def to_json(self) -> dict[str, Any]:
        """The fields under the names that reports use."""
        body = {"measure": self.measure, "wanted": self.wanted, "got": self.got}
        return {**body, "ok": self.ok, "kind": self.kind, "note": self.note}


def parse_gate(text: str) -> Gate:
    """`nDCG@10=0.60` as a gate; UsageError if it is not of that form."""
    return parse_gates([text])[0]


def parse_gates(texts: Sequence[str]) -> list[Gate]:
    """Gates of the form MEASURE=FLOOR; one UsageError with all that are not."""
    form = "a gate is MEASURE=FLOOR, as in nDCG@10=0.60"
    return _parse(texts, lambda name, value, _: Gate(name, value), form, least=-math.inf)


def parse_drops(texts: Sequence[str]) -> list[Drop]:
    """Drops of the form MEASURE=DROP or MEASURE=DROP%, none negative; one UsageError for all others."""
    form = "a drop is MEASURE=DROP, as in nDCG@10=0.01 or nDCG@10=2%"
    return _parse(texts, Drop, form, least=0.0, percent=True)


def _parse(
    texts: Sequence[str],
    make: Callable[[str, float, bool], T],
    form: str,
    least: float,
    percent: bool = False,
) -> list[T]:
    made: list[T] = []
    wrong: list[str] = []
    for text in texts:
        name, equals, number = text.rpartition("=")  # a parameter holds "=" too: P(rel=2)@10=0.5
        share = percent and number.rstrip().endswith("%")
        try:
            value = float(number.rstrip().removesuffix("%") if share else number)
        except ValueError:
            value = math.nan
        if not equals or not name.strip() or not math.isfinite(value) or value < least:
            wrong.append(f"{text!r}: {form}")
            continue
        try:
            measures = parse_measures(name)
        except UsageError as e:
            wrong.append(f"{text!r}: {e}")
            continue
        if len(measures) == 1:
            made.append(make(measures[0].name, value, share))
        else:
            wrong.append(f"{text!r}: {form}, one measure each")
    if wrong:
        raise UsageError("\n  ".join(wrong))
    return made


def measures_for(
    measures: Iterable[Measure], gates: Iterable[Gate | Drop | Measure] = ()
) -> list[Measure]:
    """The measures asked for, then those that only a gate or a drop needs, each once."""
    extra = [gate if isinstance(gate, Measure) else Measure(gate.measure) for gate in gates]
    return list(dict.fromkeys([*measures, *extra]))


def apply_gates(gates: Iterable[Gate], report: Report) -> list[GateResult]:
    """What each gate says of a report. UsageError for a measure the report has not."""
    gates = list(gates)
    require(report.measures, [gate.measure for gate in gates])
    return [
        verdict(gate.measure, gate.wanted, report.measures[gate.measure], "fail-under")
        for gate in gates
    ]


def apply_floors(floors: Iterable[Gate], report: Report) -> list[GateResult]:
    """`--query-floor`: passed if no query is below. `got` is the worst query's value."""
    floors = list(floors)
    require(report.measures, [floor.measure for floor in floors])
    found = []
    for floor in floors:
        below = queries_below(report.per_query, floor.measure, floor.wanted)
        worst = min(values[floor.measure] for values in report.per_query.values())
        what = f"{len(below)} of {report.queries} queries are below"
        note = what if below else ""
        found.append(GateResult(floor.measure, floor.wanted, worst, not below, "query-floor", note))
    return found


def queries_below(
    per_query: Mapping[str, Mapping[str, float]], measure: str, floor: float
) -> list[tuple[str, float]]:
    """The queries under a floor with their values, the worst first."""
    found = [(q, v[measure]) for q, v in per_query.items() if v[measure] < floor - TOLERANCE]
    return sorted(found, key=lambda pair: (pair[1], pair[0]))


def apply_drops(
    drops: Iterable[Drop],
    significant: Iterable[str],
    differences: Sequence[Difference],
    alpha: float = ALPHA,
) -> list[GateResult]:
    """What `--max-drop` and `--max-drop-significant` say of the differences to a baseline.

    The significance of the measures named together is corrected for their number (Holm).
    UsageError for a measure that was not compared.
    """
    from qembed.evaluation.significance import corrected

    drops, names = list(drops), list(dict.fromkeys(significant))
    by_name = {d.measure: d for d in differences}
    require(by_name, [*(drop.measure for drop in drops), *names])
    results = []
    for drop in drops:
        d = by_name[drop.measure]
        note = "" if not drop.percent else f"baseline {d.before:.4f} less {drop.allowed:g} %"
        results.append(verdict(d.measure, drop.floor(d.before), d.after, "max-drop", note))
    for d in corrected([by_name[name] for name in names]):
        fell = d.difference < -TOLERANCE
        ok = not (fell and d.significant(alpha))
        note = (
            f"{d.difference:+.4f} [{d.low:+.4f}, {d.high:+.4f}], p {d.p_holm:.3g}, alpha {alpha:g}"
        )
        results.append(GateResult(d.measure, d.before, d.after, ok, "max-drop-significant", note))
    return results


def require(have: Mapping[str, Any], names: Iterable[str]) -> None:
    """UsageError with the measures that were not measured."""
    missing = [name for name in dict.fromkeys(names) if name not in have]
    if missing:
        raise UsageError(f"not measured, so no gate can be applied: {', '.join(missing)}")


def verdict(measure: str, wanted: float, got: float, kind: str, note: str = "") -> GateResult:
    """A gate that wants at least `wanted`."""
    return GateResult(measure, wanted, got, got >= wanted - TOLERANCE, kind, note)
