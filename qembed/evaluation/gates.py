"""Gates for continuous integration: floors for measures, and allowed drops below a baseline.

Values are compared unrounded with a tolerance of 1e-9, so that a gate set to the value of a report does not
fail by the last bit on another machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from qembed.errors import UsageError
from qembed.evaluation.formats.source_file import counted
from qembed.evaluation.measure_names import Measure, highest, parse_measures
from qembed.evaluation.measures import Report
from qembed.evaluation.significance import ALPHA, Difference, holm_corrected

TOLERANCE = 1e-9

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gate:
    """Floor: `measure` must reach `wanted`."""

    measure: str
    wanted: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Allowed drop of `measure` below the baseline; `percent`: `allowed` is a share of its value."""

    measure: str
    allowed: float
    percent: bool = False

    def floor(self, baseline: float) -> float:
        """Lowest value that passes."""
        allowed = abs(baseline) * self.allowed / 100 if self.percent else self.allowed
        return baseline - allowed


@dataclass(frozen=True, slots=True)
class GateResult:
    """Outcome of a gate.

    `wanted`: lowest value that passes, None where chance decides (max-drop-significant). `got`: value, of a
    query-floor the worst query's. `kind`: the option, "fail-under", "max-drop", "max-drop-significant" or
    "query-floor". `verdict`: the comparison as a clause, such as `0.6437 is below 0.65`. `limit`: as the
    option has it, `0.65` or `2%`, "" for none. `baseline`: earlier value, None without one.
    """

    measure: str
    wanted: float | None
    got: float
    ok: bool
    kind: str = "fail-under"
    verdict: str = ""
    limit: str = ""
    baseline: float | None = None

    @property
    def name(self) -> str:
        """The gate as its option is written: `max-drop nDCG@10=2%`."""
        return f"{self.kind} {self.measure}" + (f"={self.limit}" if self.limit else "")

    def __str__(self) -> str:
        return f"{self.name}: {self.verdict}"

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields, with the name."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "measure": self.measure,
            "wanted": self.wanted,
            "got": self.got,
            "ok": self.ok,
            "kind": self.kind,
            "limit": self.limit,
            "baseline": self.baseline,
        }


def parse_gate(text: str) -> Gate:
    """Parse a gate such as `nDCG@10=0.60`. Raises UsageError."""
    return parse_gates([text])[0]


def parse_gates(texts: Sequence[str]) -> list[Gate]:
    """Parse gates of the form MEASURE=FLOOR.

    Raises one UsageError with all mistakes, among them floors that the measure can never reach or never miss.
    """
    form = "a gate is MEASURE=FLOOR, as in nDCG@10=0.60"
    return _parse(texts, lambda name, value, _: Gate(name, value), form)


def parse_drops(texts: Sequence[str]) -> list[Drop]:
    """Parse drops of the form MEASURE=DROP or MEASURE=DROP%.

    Raises one UsageError with all mistakes, among them drops that the measure cannot have.
    """
    form = "a drop is MEASURE=DROP, as in nDCG@10=0.01 or nDCG@10=2%"
    return _parse(texts, Drop, form, percent=True)


def _parse(
    texts: Sequence[str],
    make: Callable[[str, float, bool], T],
    form: str,
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
        if not equals or not name.strip() or not math.isfinite(value):
            wrong.append(f"{text!r}: {form}")
            continue
        try:
            measures = parse_measures(name)
        except UsageError as e:
            wrong.append(f"{text!r}: {e}")
            continue
        if len(measures) > 1:
            wrong.append(f"{text!r}: {form}, one measure each")
        elif problem := _out_of_range(measures[0].name, value, share, percent):
            wrong.append(f"{text!r}: {problem}; {form}")
        else:
            made.append(make(measures[0].name, value, share))
    if wrong:
        raise UsageError("\n  ".join(wrong))
    return made


def _out_of_range(name: str, value: float, share: bool, percent: bool) -> str:
    """Say what is wrong with a value that the measure cannot have; "" if it can."""
    most = 100.0 if share else highest(name)
    if 0 <= value <= most:
        return ""
    if share:
        return "a drop is between 0% and 100% of the baseline's value"
    if most == math.inf:
        return f"{name} is never below 0"
    meant = f"{value / 100:g} or {value:g}%" if percent else f"{value / 100:g}"
    hint = f" (did you mean {meant}?)" if 2 <= value <= 100 else ""
    return f"{name} lies between 0 and 1{hint}"


def measures_for(
    measures: Iterable[Measure], gates: Iterable[Gate | Drop | Measure] = ()
) -> list[Measure]:
    """List the given measures, then those that only a gate or a drop needs, each once."""
    extra = [gate if isinstance(gate, Measure) else Measure(gate.measure) for gate in gates]
    return list(dict.fromkeys([*measures, *extra]))


def apply_gates(gates: Iterable[Gate], report: Report) -> list[GateResult]:
    """Apply gates to a report. Raises UsageError for a measure that it lacks."""
    gates = list(gates)
    require_measures(report.measures, [gate.measure for gate in gates])
    return [
        floor_result(gate.measure, gate.wanted, report.measures[gate.measure]) for gate in gates
    ]


def apply_floors(floors: Iterable[Gate], report: Report) -> list[GateResult]:
    """Apply `--query-floor`: passes if no query is below. `got` is the worst query's value."""
    floors = list(floors)
    require_measures(report.measures, [floor.measure for floor in floors])
    found = []
    for floor in floors:
        below = queries_below(report.per_query, floor.measure, floor.wanted)
        worst = min(values[floor.measure] for values in report.per_query.values())
        many = (
            f"{len(below):,} of {counted(report.queries, 'query', 'queries')}"
            if below
            else "no query"
        )
        are = "are" if len(below) > 1 else "is"
        verdict = (
            f"{many} {are} below {floor.wanted:.10g}, the worst has {figure(worst, floor.wanted)}"
        )
        result = floor_result(floor.measure, floor.wanted, worst, "query-floor")
        found.append(replace(result, ok=not below, verdict=verdict))
    return found


def queries_below(
    per_query: Mapping[str, Mapping[str, float]], measure: str, floor: float
) -> list[tuple[str, float]]:
    """List queries under a floor with their values, the worst first."""
    found = [(q, v[measure]) for q, v in per_query.items() if v[measure] < floor - TOLERANCE]
    return sorted(found, key=lambda pair: (pair[1], pair[0]))


def apply_drops(
    drops: Iterable[Drop],
    significant: Iterable[str],
    differences: Sequence[Difference],
    alpha: float = ALPHA,
) -> list[GateResult]:
    """Apply `--max-drop` and `--max-drop-significant` to the differences from a baseline.

    Significance is corrected for the number of measures named together (Holm). Raises UsageError for a
    measure that was not compared.
    """

    drops, names = list(drops), list(dict.fromkeys(significant))
    by_name = {d.measure: d for d in differences}
    require_measures(by_name, [*(drop.measure for drop in drops), *names])
    compared = ((drop, by_name[drop.measure]) for drop in drops)
    results = [drop_result(drop, d.before, d.after) for drop, d in compared]
    for d in holm_corrected([by_name[name] for name in names]):
        fell = d.difference < -TOLERANCE
        ok = not (fell and d.significant(alpha))
        verdict = _change(d.difference, d.before, d.after)
        if fell:
            many = f" (corrected for {len(names)} measures)" if len(names) > 1 else ""
            p = _p_value(d.p_holm, alpha)
            verdict += (
                f", which may be chance: p {p}{many} is above {alpha:g}"
                if ok
                else f", more than chance explains: p {p}{many} is at most {alpha:g}"
            )
            low, high = d.interval(alpha)
            verdict += f", {100 * (1 - alpha):.6g} % interval {low:+.4f} to {high:+.4f}"
        kind = "max-drop-significant"
        results.append(GateResult(d.measure, None, d.after, ok, kind, verdict, "", d.before))
    return results


def over_part(
    results: Sequence[GateResult], compared: int, queries: int, before: int
) -> list[GateResult]:
    """Say on how many of the `queries` drops were compared, if not on all.

    None passes on less than half of the queries that the baseline has (`before`): the rest could have fallen.
    """
    few = 2 * compared < before
    if compared == queries and not few:
        return list(results)
    part = f"compared on {compared:,} of {counted(queries, 'query', 'queries')}"
    if few:
        part += f", on less than half of the baseline's {before:,}: take a new baseline"
    return [replace(r, ok=r.ok and not few, verdict=f"{r.verdict} ({part})") for r in results]


def drop_result(drop: Drop, before: float, after: float) -> GateResult:
    """Compare the change from the baseline's value with the drop that is allowed."""
    wanted, lost = drop.floor(before), before - after
    ok = after >= wanted - TOLERANCE
    limit = f"{drop.allowed:.10g}{'%' if drop.percent else ''}"
    verdict = _change(-lost, before, after, before - wanted)
    if lost > TOLERANCE:
        share = ""
        if drop.percent and before:
            share = f" ({figure(100 * lost / abs(before), drop.allowed, 1)}%)"
        verdict += f"{share}, {'no more' if ok else 'more'} than {limit}"
    return GateResult(drop.measure, wanted, after, ok, "max-drop", verdict, limit, before)


def _change(difference: float, before: float, after: float, allowed: float | None = None) -> str:
    """Describe a change: `fell by 0.0500 from 0.7000 to 0.6500`. `allowed`: limit of its size."""
    if abs(difference) <= TOLERANCE:
        return f"as before: {after:.4f}"
    size = abs(difference)
    shown = figure(size, size if allowed is None else allowed)
    return f"{'fell' if difference < 0 else 'rose'} by {shown} from {before:.4f} to {after:.4f}"


def _p_value(p: float, alpha: float) -> str:
    """Format a p value with three digits, or with as many as show on which side of `alpha` it is."""
    short = f"{p:.3g}"
    return short if (float(short) <= alpha) == (p <= alpha) else figure(p, alpha)


def figure(value: float, limit: float, digits: int = 4) -> str:
    """Format with so many decimals that rounding does not move the value across the limit, or onto it."""
    for decimals in range(digits, 12):
        text = f"{value:.{decimals}f}"
        shown = float(text)
        if abs(value - limit) <= TOLERANCE or (shown < limit if value < limit else shown > limit):
            return text
    return f"{value:.12g}"


def require_measures(have: Mapping[str, Any], names: Iterable[str]) -> None:
    """Raise a UsageError that names the measures not measured."""
    missing = [name for name in dict.fromkeys(names) if name not in have]
    if missing:
        raise UsageError(f"not measured, so no gate can be applied: {', '.join(missing)}")


def floor_result(measure: str, wanted: float, got: float, kind: str = "fail-under") -> GateResult:
    """Compare a value with a floor."""
    ok = got >= wanted - TOLERANCE
    limit = f"{wanted:.10g}"
    verdict = f"{figure(got, wanted)} is {'at least' if ok else 'below'} {limit}"
    return GateResult(measure, wanted, got, ok, kind, verdict, limit)
