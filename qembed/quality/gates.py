"""Verdicts for continuous integration: floors for measures, and how far below a baseline is too far.

Numbers are compared as they are, unrounded, with 1e-9 of tolerance, so that a gate set to the value
that a report shows in full does not fail on another machine's last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from qembed.errors import InputError, UsageError
from qembed.quality.files import some
from qembed.quality.measure_names import Measure, parse_measures
from qembed.quality.measures import Report

TOLERANCE = 1e-9

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gate:
    """`measure` must reach `wanted`."""

    measure: str
    wanted: float


@dataclass(frozen=True, slots=True)
class Drop:
    """`measure` may fall below the baseline's by at most `allowed`."""

    measure: str
    allowed: float


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate said. `wanted` is the floor, for a drop the baseline's value less what is allowed.

    `kind`: "fail-under" or "max-drop", the option it came from.
    """

    measure: str
    wanted: float
    got: float
    ok: bool
    kind: str = "fail-under"

    def __str__(self) -> str:
        sign = ">=" if self.ok else "<"
        return f"{self.measure} {self.got:.6g} {sign} {self.wanted:.6g} ({self.kind})"


def parse_gate(text: str) -> Gate:
    """`nDCG@10=0.60` as a gate; UsageError if it is not of that form."""
    return parse_gates([text])[0]


def parse_gates(texts: Sequence[str]) -> list[Gate]:
    """Gates of the form MEASURE=FLOOR; one UsageError with all that are not."""
    return _parse(texts, Gate, "a gate is MEASURE=FLOOR, as in nDCG@10=0.60", least=-math.inf)


def parse_drops(texts: Sequence[str]) -> list[Drop]:
    """Drops of the form MEASURE=DROP, none negative; one UsageError with all that are not."""
    return _parse(texts, Drop, "a drop is MEASURE=DROP, as in nDCG@10=0.01", least=0.0)


def _parse(
    texts: Sequence[str], make: Callable[[str, float], T], form: str, least: float
) -> list[T]:
    made: list[T] = []
    wrong: list[str] = []
    for text in texts:
        name, equals, number = text.rpartition("=")  # a parameter holds "=" too: P(rel=2)@10=0.5
        try:
            value = float(number)
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
            made.append(make(measures[0].name, value))
        else:
            wrong.append(f"{text!r}: {form}, one measure each")
    if wrong:
        raise UsageError("\n  ".join(wrong))
    return made


def measures_for(measures: Iterable[Measure], gates: Iterable[Gate | Drop] = ()) -> list[Measure]:
    """The measures asked for, then those that only a gate or a drop needs, each once."""
    wanted = [*measures, *(Measure(gate.measure) for gate in gates)]
    return list(dict.fromkeys(wanted))


def apply_gates(gates: Iterable[Gate], report: Report) -> list[GateResult]:
    """What each gate says of a report. UsageError for a measure the report has not."""
    gates = list(gates)
    _require(report.measures, [gate.measure for gate in gates])
    return [_verdict(gate.measure, gate.wanted, report, "fail-under") for gate in gates]


def compare_with_baseline(
    baseline: Mapping[str, Any], report: Report, drops: Iterable[Drop]
) -> list[GateResult]:
    """What each drop says of a report beside an earlier one (as `report_json` made it).

    Means over different queries cannot be compared: raises InputError with all that differs in the
    queries, or that the baseline lacks. UsageError for a measure the report has not.
    """
    drops = list(drops)
    _require(report.measures, [drop.measure for drop in drops])
    measures = baseline.get("measures")
    per_query = baseline.get("per_query")
    if not isinstance(measures, Mapping) or not isinstance(per_query, Mapping):
        raise InputError('the baseline is not a report ("measures" and "per_query" are missing)')
    problems = [
        f"the baseline has no {drop.measure} (it has {some(list(measures))})"
        for drop in drops
        if not isinstance(measures.get(drop.measure), int | float)
    ]
    for one, other, where in (
        (per_query, report.per_query, "only the baseline has"),
        (report.per_query, per_query, "the baseline lacks"),
    ):
        extra = [query for query in one if query not in other]
        if extra:
            problems.append(f"{where} {len(extra)} of the queries: {some(extra)}")
    if problems:
        raise InputError("cannot compare with the baseline", problems)
    return [
        _verdict(drop.measure, measures[drop.measure] - drop.allowed, report, "max-drop")
        for drop in drops
    ]


def comparison_json(baseline: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """A report beside a baseline of the same queries, for `report_json`'s `comparison`.

    For each measure both have: both values, their difference, and on how many queries it is better,
    worse or the same (within 1e-9).
    """
    measures = {}
    for name, got in report.measures.items():
        before = baseline["measures"].get(name)
        if before is None:
            continue
        changes = [
            values[name] - baseline["per_query"][query][name]
            for query, values in report.per_query.items()
        ]
        better = sum(change > TOLERANCE for change in changes)
        worse = sum(change < -TOLERANCE for change in changes)
        measures[name] = {
            "baseline": before,
            "got": got,
            "difference": got - before,
            "better": better,
            "worse": worse,
            "same": len(changes) - better - worse,
        }
    return {"queries": report.queries, "measures": measures}


def _require(have: Mapping[str, float], names: Iterable[str]) -> None:
    missing = [name for name in dict.fromkeys(names) if name not in have]
    if missing:
        raise UsageError(f"not measured, so no gate can be applied: {', '.join(missing)}")


def _verdict(measure: str, wanted: float, report: Report, kind: str) -> GateResult:
    got = report.measures[measure]
    return GateResult(measure, wanted, got, got >= wanted - TOLERANCE, kind)
