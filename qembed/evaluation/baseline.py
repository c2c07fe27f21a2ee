"""A report beside an earlier one: whether the two can be compared, on which queries, with what outcome.

Means over different queries, other judgments or another corpus say nothing about a change in retrieval.
So a baseline is refused unless it was made with the same words, the same judgments and the same
documents; what differs is named. On request (`common`) the queries that are the same in both are
compared, and what differs is only told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qembed.errors import InputError
from qembed.evaluation.formats.source_file import some
from qembed.evaluation.gates import require
from qembed.evaluation.measures import Report
from qembed.evaluation.significance import Difference, compare
from qembed.types import Qrels, Query


def inputs_json(
    queries: Sequence[Query], qrels: Qrels, documents: Mapping[str, bytes] | None
) -> dict[str, Any]:
    """What a report was made from: digests of the judged queries, the judgments and the corpus.

    `documents`: id to content digest, None where there is no index (a run made elsewhere). `queries`
    without words (judgments and a run alone) have no digest.
    """
    judged = sorted((q.id, q.text, q.task, q.where) for q in queries if qrels.get(q.id) and q.text)
    grades = sorted((q, sorted(have.items())) for q, have in qrels.items() if have)
    corpus = None
    if documents is not None:
        corpus = _digest(sorted((name, digest.hex()) for name, digest in documents.items()))
    return {
        "queries": _digest(judged) if judged else None,
        "judgments": _digest(grades),
        "corpus": corpus,
        "documents": None if documents is None else len(documents),
    }


def _digest(value: Any) -> str:
    data = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def comparable(
    baseline: Mapping[str, Any],
    now: Mapping[str, Any],
    measures: Iterable[str] = (),
    *,
    common: bool = False,
) -> tuple[list[str], list[str]]:
    """(the queries to compare on, in `now`'s order; what differs, as finished lines).

    Both are reports as `report_json` made them. Raises InputError with all that differs, unless
    `common`; also if no query is common, or the baseline lacks a measure of `measures`.
    """
    then_values, now_values = baseline.get("per_query"), now["per_query"]
    if not isinstance(then_values, Mapping) or not isinstance(baseline.get("measures"), Mapping):
        raise InputError('the baseline is not a report ("measures" and "per_query" are missing)')
    have = baseline["measures"]
    lacking = [
        f"the baseline has no {name} (it has {some(list(have))})"
        for name in dict.fromkeys(measures)
        if not isinstance(have.get(name), int | float)
    ]
    differs: list[str] = []
    for one, other, where in (
        (then_values, now_values, "only the baseline has"),
        (now_values, then_values, "the baseline lacks"),
    ):
        extra = [query for query in one if query not in other]
        if extra:
            differs.append(f"{where} {len(extra)} of the queries: {some(extra)}")
    same = [query for query in now_values if query in then_values]
    for key, what in (("text", "the words"), ("judged", "the judgments")):
        other = _changed(baseline, now, same, key)
        if other:
            differs.append(f"{what} of {len(other)} queries differ: {some(other)}")
            same = [query for query in same if query not in set(other)]
    differs += _corpora(baseline.get("inputs") or {}, now.get("inputs") or {})
    if lacking or (differs and not common) or not same:
        advice = [] if not differs or common else ["(--common compares on the queries both have)"]
        none = [] if same or not common else ["no query is the same in both"]
        raise InputError("cannot compare with the baseline", [*lacking, *differs, *none, *advice])
    return same, differs


def _changed(
    baseline: Mapping[str, Any], now: Mapping[str, Any], queries: Sequence[str], key: str
) -> list[str]:
    """Queries whose detail differs; those that one report does not tell are taken as equal."""
    then, here = baseline.get("details") or {}, now.get("details") or {}
    found = []
    for query in queries:
        a, b = then.get(query, {}).get(key), here.get(query, {}).get(key)
        if a is not None and b is not None and a != b and (a or key != "text"):
            found.append(query)
    return found


def _corpora(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    a, b = then.get("corpus"), now.get("corpus")
    if a is None or b is None or a == b:
        return []
    before, after = then.get("documents"), now.get("documents")
    how = f"{before} documents then, {after} now"
    if before == after:
        how = f"{after} documents, not the same ids or contents"
    return [f"the corpus differs: {how}"]


def differences(
    baseline: Mapping[str, Any],
    report: Report,
    queries: Sequence[str] | None = None,
    measures: Iterable[str] | None = None,
) -> list[Difference]:
    """For each measure both reports have, the difference over `queries` (None: all of the report's).

    UsageError for one of `measures` that the report has not.
    """
    names = list(dict.fromkeys(measures)) if measures is not None else None
    require(report.measures, names or ())
    wanted = [
        name
        for name in report.measures
        if name in baseline["measures"] and (names is None or name in names)
    ]
    chosen = list(report.per_query) if queries is None else list(queries)
    then = baseline["per_query"]
    found = []
    for name in wanted:
        before = [float(then[query][name]) for query in chosen]
        after = [report.per_query[query][name] for query in chosen]
        found.append(compare(name, before, after))
    return found


def comparison_json(
    differences: Sequence[Difference], queries: int, differs: Sequence[str] = ()
) -> dict[str, Any]:
    """For `report_json`'s `comparison`: what was compared, and each measure's difference."""
    return {
        "queries": queries,
        "differs": list(differs),
        "measures": {
            d.measure: {k: v for k, v in d.to_json().items() if k != "measure"} for d in differences
        },
    }


def settings_that_differ(baseline: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Lines such as `ef was None, is 10`: what the two runs did otherwise. For finding a cause."""
    lines = []
    for part, keys in (
        ("settings", ("encoded", "task", "mode", "fusion", "where", "search", "ef", "rerank",
                      "candidates", "profile")),
        ("recipe", ("model", "revision", "dim", "pooling", "passage_text", "title_rule",
                    "max_tokens", "overlap", "chunker")),
    ):  # fmt: skip
        then, here = baseline.get(part) or {}, now.get(part) or {}
        lines += [
            f"{key} was {_shown(then[key])}, is {_shown(here[key])}"
            for key in keys
            if key in then and key in here and then[key] != here[key]
        ]
    return lines


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
