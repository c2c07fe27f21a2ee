"""Consistency of a run, its judgments and its queries, checked before measuring.

A measure over files that do not belong together is a small number that looks like a bad system. So impossible
combinations are errors, and whatever lowers a measure is a warning with a count.

Judgments of documents that the index lacks: a few are normal (an index of a part of a pool), many mean that
ids are written differently or that it is the wrong index. They are an error if they are more than half of the
judgments, or of those with a positive grade, and a warning below that.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from qembed.evaluation.formats.source_file import counted, summarize_names
from qembed.types import Qrels, Query, Run


@dataclass(frozen=True, slots=True)
class Findings:
    """Errors, which forbid measuring, and warnings of what lowers the measures."""

    errors: list[str]
    warnings: list[str]


def check_run(
    run: Run,
    qrels: Qrels,
    queries: Sequence[Query] | None,
    documents: Container[str] | None,
) -> Findings:
    """Compare the ids of a run, judgments, queries and an index's documents. Raises nothing.

    `queries` and `documents`: None where there are none to compare with (a run of another system).
    """
    errors: list[str] = []
    warnings: list[str] = []
    judged = [query for query, grades in qrels.items() if grades]
    asked = None if queries is None else {query.id for query in queries}

    errors += input_errors(qrels, queries)
    if asked is not None:
        idle = sorted(asked - set(judged))
        if idle:
            warnings.append(_count_of("queries without judgments, which are not scored", idle))
    hopeless = [query for query in judged if all(g <= 0 for g in qrels[query].values())]
    if hopeless:
        what = "queries without a relevant document, which score 0 whatever is found"
        warnings.append(_count_of(what, hopeless))
    _check_documents(qrels, documents, errors, warnings)

    silent = [query for query in judged if not run.get(query)]
    if judged and len(silent) == len(judged):
        what = "shares no query with the judgments" if any(run.values()) else "is empty"
        errors.append(f"no judged query has a result: the run {what}")
    elif silent:
        warnings.append(_count_of("queries without hits, which count 0", silent))
    strange = [query for query in run if query not in qrels and query not in (asked or ())]
    if strange:
        what = "queries of the run without judgments, which are not scored"
        warnings.append(_count_of(what, strange))
    return Findings(errors, warnings)


def input_errors(qrels: Qrels, queries: Sequence[Query] | None) -> list[str]:
    """Errors of judgments and queries that do not belong together. `queries`: as in `check_run`."""
    judged = [query for query, grades in qrels.items() if grades]
    if not judged:
        return ["there are no judgments, so there is nothing to measure"]
    if queries is None:
        return []
    asked = {query.id for query in queries}
    absent = [query for query in judged if query not in asked]
    return [_count_of("judged queries that are not in the query file", absent)] if absent else []


def _check_documents(
    qrels: Qrels, documents: Container[str] | None, errors: list[str], warnings: list[str]
) -> None:
    if documents is None:
        return
    pairs = [(document, grade) for grades in qrels.values() for document, grade in grades.items()]
    unknown = [pair for pair in pairs if pair[0] not in documents]
    if not unknown:
        return
    relevant, relevant_unknown = _positive(pairs), _positive(unknown)
    names = summarize_names(list(dict.fromkeys(document for document, _ in unknown)))
    what = (
        f"{len(unknown)} of {counted(len(pairs), 'judgment')} "
        f"({relevant_unknown} of {relevant} positive ones) "
        f"{'names a document that is' if len(unknown) == 1 else 'name documents that are'} "
        f"not in the index: {names}"
    )
    if 2 * len(unknown) > len(pairs) or 2 * relevant_unknown > relevant:
        errors.append(f"{what} (is it the right index, and are the ids written as in it?)")
    else:
        warnings.append(
            f"{what}; {'it counts' if len(unknown) == 1 else 'they count'} as not found"
        )


def _positive(pairs: Iterable[tuple[str, int]]) -> int:
    return sum(grade > 0 for _, grade in pairs)


def _count_of(what: str, names: Sequence[str]) -> str:
    return f"{what}: {len(names)} ({summarize_names(names)})"
