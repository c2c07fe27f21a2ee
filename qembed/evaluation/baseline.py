"""Comparison of a report with an earlier one, its baseline.

Means over other queries, judgments or documents say nothing about a change in retrieval. So a baseline is
refused, and the differences named, unless it was made with the same queries, judgments and documents. With
`common`, the queries that are the same in both are compared, and the differences become warnings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from qembed.errors import InputError
from qembed.evaluation.corpus_changes import CorpusChanges, corpus_changes
from qembed.evaluation.formats.source_file import counted, summarize_names
from qembed.evaluation.gates import require_measures
from qembed.evaluation.measures import Report
from qembed.evaluation.significance import TIE_TOLERANCE, Difference, compare
from qembed.types import Qrels, Query


def inputs_json(
    queries: Sequence[Query], qrels: Qrels, documents: Mapping[str, bytes] | None
) -> dict[str, Any]:
    """Digests of a report's inputs: judged queries, judgments and corpus.

    `documents`: id -> content digest, None without an index (a run of another system). `queries` without
    words (judgments and a run alone) have no digest.
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


def require_baseline_measures(baseline: Mapping[str, Any], measures: Iterable[str]) -> None:
    """Raise InputError if a baseline lacks measures that are to be compared."""
    have = baseline["measures"]
    lacking = [name for name in dict.fromkeys(measures) if name not in have]
    if lacking:
        raise InputError(
            "cannot compare with the baseline: it has no "
            f"{summarize_names(lacking)} (it has {summarize_names(list(have))})"
        )


def uncompared_measures(baseline: Mapping[str, Any], measures: Sequence[str]) -> list[str]:
    """Measures that a baseline lacks. Raises InputError if it lacks all: nothing could be compared."""
    have = baseline.get("measures")
    lacking = [name for name in measures if not isinstance(have, Mapping) or name not in have]
    if isinstance(have, Mapping) and len(lacking) == len(measures):
        raise InputError(
            f"nothing can be compared with the baseline: it has no {summarize_names(lacking)} (it has "
            f"{summarize_names(list(have))}; name one of these among the --measures)"
        )
    return lacking


def comparable_queries(
    baseline: Mapping[str, Any], now: Mapping[str, Any], *, common: bool = False
) -> tuple[list[str], list[str]]:
    """Return (query ids to compare on, in `now`'s order; differences of the inputs as finished lines).

    Both are reports of `report_json`. Raises InputError with all differences, unless `common`; also if no
    query is common.
    """
    then_values, now_values = baseline.get("per_query"), now["per_query"]
    if not isinstance(then_values, Mapping) or not isinstance(baseline.get("measures"), Mapping):
        raise InputError('the baseline is not a report ("measures" and "per_query" are missing)')
    differs: list[str] = []
    for one, other, where in (
        (then_values, now_values, "only the baseline has"),
        (now_values, then_values, "only this run has"),
    ):
        extra = [query for query in one if query not in other]
        if extra:
            queries = counted(len(extra), "judged query", "judged queries")
            differs.append(f"{where} {queries}: {summarize_names(extra)}")
    same = [query for query in now_values if query in then_values]
    for key, what in (("text", "the words"), ("judged", "the judgments")):
        other = _changed(baseline, now, same, key)
        if other:
            queries = counted(len(other), "query", "queries")
            differs.append(f"{what} of {queries} differ: {summarize_names(other)}")
            same = [query for query in same if query not in set(other)]
    differs += _corpora(baseline, now)
    if (differs and not common) or not same:
        advice = [] if not differs or common else ["(--common compares on the queries both have)"]
        none = [] if same or not common else ["no query is the same in both"]
        raise InputError("cannot compare with the baseline", [*differs, *none, *advice])
    return same, differs


def _changed(
    baseline: Mapping[str, Any], now: Mapping[str, Any], queries: Sequence[str], key: str
) -> list[str]:
    """List queries whose detail under `key` differs; a detail that one report lacks counts as equal."""
    then, here = baseline.get("details") or {}, now.get("details") or {}
    found = []
    for query in queries:
        a, b = then.get(query, {}).get(key), here.get(query, {}).get(key)
        if key == "text" and not (a and b):  # a run of another system has no words
            continue
        if a is not None and b is not None and a != b:
            found.append(query)
    return found


def _corpora(baseline: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    """Describe a difference of the corpora: the files that changed, if both reports hold digests."""
    then, now = baseline.get("inputs") or {}, report.get("inputs") or {}
    a, b = then.get("corpus"), now.get("corpus")
    if a is None or b is None or a == b:
        return []
    before, after = (int(inputs.get("documents") or 0) for inputs in (then, now))
    many = f"{counted(before, 'document')} then, {after:,} now"
    if before == after:
        many = f"{counted(after, 'document')} then as now"
    if changes := document_changes(baseline, report):
        return [f"the corpus differs: {changes.describe()} ({many})"]
    why = "which ones is not known: very many documents"
    if report.get("contents") is not None and baseline.get("contents") is None:
        why = "the baseline does not tell which: made by an earlier version, or of very many documents"
    return [
        f"the corpus differs: {many}{' with other contents' if before == after else ''} ({why})"
    ]


def document_changes(
    baseline: Mapping[str, Any], report: Mapping[str, Any]
) -> CorpusChanges | None:
    """Compare the documents of two reports; None if one holds no digests of single documents."""
    files: dict[str, list[str]] = {}
    for body in (baseline, report):
        for file, names in (body.get("record_files") or {}).items():
            files[file] = [*files.get(file, ()), *names]
    return corpus_changes(baseline.get("contents"), report.get("contents"), files)


def baseline_differences(
    baseline: Mapping[str, Any],
    report: Report,
    queries: Sequence[str] | None = None,
    measures: Iterable[str] | None = None,
) -> list[Difference]:
    """Difference in each measure that both reports have, over `queries` (None: all of the report's).

    Raises UsageError for one of `measures` that the report lacks.
    """
    names = list(dict.fromkeys(measures)) if measures is not None else None
    require_measures(report.measures, names or ())
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
    differences: Sequence[Difference],
    queries: int,
    differs: Sequence[str] = (),
    *,
    moved: Sequence[Mapping[str, Any]] = (),
    left_out: Sequence[str] = (),
    documents: CorpusChanges | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """JSON of a comparison, for `report_json`: number of queries, input differences, each measure.

    `moved`: see `moved_json`. `left_out`: queries of the report that were not compared. `documents`: changes
    of the corpus, None if unknown. `provenance`: of the baseline, None if it holds none.
    """
    return {
        "queries": queries,
        "differs": list(differs),
        "measures": {
            d.measure: {k: v for k, v in d.to_json().items() if k != "measure"} for d in differences
        },
        "moved": [dict(query) for query in moved],
        "left_out": list(left_out),
        "documents": None if documents is None else documents.to_json(),
        "baseline": None if provenance is None else dict(provenance),
    }


def moved_json(
    baseline: Mapping[str, Any],
    now: Mapping[str, Any],
    queries: Sequence[str],
    measures: Sequence[str],
) -> list[dict[str, Any]]:
    """JSON of each query whose value of one of `measures` changed, in the order of `queries`.

    `was`, `now`: the changed values by measure. `before`: documents that the baseline returned; None if it
    does not hold them. `found`, `ranks`: its keys of `details`, None if it lacks them. What is returned now
    is in the report's `details`.
    """
    found = []
    for query in queries:
        then, here = baseline["per_query"][query], now["per_query"][query]
        changed = [m for m in measures if abs(here[m] - then[m]) > TIE_TOLERANCE]
        if changed:
            detail = (baseline.get("details") or {}).get(query) or {}
            returned = detail.get("returned")
            found.append(
                {
                    "query": query,
                    "was": {m: then[m] for m in changed},
                    "now": {m: here[m] for m in changed},
                    "before": None
                    if returned is None
                    else [
                        {key: hit.get(key) for key in ("id", "title", "grade")} for hit in returned
                    ],
                    "found": detail.get("found"),
                    "ranks": detail.get("ranks"),
                }
            )
    return found


def changed_settings(
    baseline: Mapping[str, Any],
    now: Mapping[str, Any],
    parts: Collection[str] = ("settings", "recipe"),
) -> list[str]:
    """List settings and recipe fields that differ, as lines such as `ef was null, is 10`."""
    lines = []
    for part, keys in (
        ("settings", ("encoded", "task", "mode", "fusion", "fusion_parameters", "document_score",
                      "where", "search", "ef", "rerank", "candidates", "profile")),
        ("recipe", ("model", "revision", "dim", "pooling", "passage_text", "title_rule",
                    "max_tokens", "overlap", "chunker")),
    ):  # fmt: skip
        if part not in parts:
            continue
        then, here = baseline.get(part) or {}, now.get(part) or {}
        lines += [
            f"{key} was {_shown(then[key])}, is {_shown(here[key])}"
            for key in keys
            if key in then and key in here and then[key] != here[key]
        ]
        depth = changed_depth(baseline, now) if part == "settings" else None
        lines += [depth] if depth else []
    return lines


def changed_depth(baseline: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Say that two runs are not equally deep, where that changes the order of the first documents."""
    then, here = baseline.get("settings") or {}, now.get("settings") or {}
    was, now_is = then.get("depth"), here.get("depth")
    if was is None or now_is is None or was == now_is:
        return None
    more = "more" if now_is > was else "fewer"
    for s in (then, here):
        fused = s.get("mode") in ("auto", "hybrid") or s.get("document_score", "best") != "best"
        if fused or (s.get("tuned") or {}).get("diversity"):
            return f"depth was {was}, is {now_is} ({more} candidates are weighed, for all measures)"
    if any(str(s.get("plan")).startswith("graph") for s in (then, here)):
        return (
            f"depth was {was}, is {now_is} (a graph is searched for {more} hits, for all measures)"
        )
    return None


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
