"""Queries whose value changed between two reports: what was returned before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.evaluation.corpus_changes import CorpusChanges
from qembed.evaluation.formats.source_file import summarize_names

COLUMN_WIDTH = 48
"""Widest column of documents in text."""

Hits = Sequence[Mapping[str, Any]]
"""Documents returned for a query, best first: `id`, `title`, `grade`."""


@dataclass(frozen=True, slots=True)
class MovedQuery:
    """Query whose value changed. `before`, `after`: documents returned, with grades.

    `before` None: the earlier report does not hold them.
    """

    query: str
    text: str
    was: float
    now: float
    before: Hits | None
    after: Hits
    judged: Mapping[str, int]

    @property
    def change(self) -> float:
        """Change of the value, below 0 for a loss."""
        return self.now - self.was

    @property
    def missing(self) -> list[str]:
        """Documents with a positive grade that the second report does not return, best grade first."""
        found = {hit["id"] for hit in self.after}
        lost = [d for d, grade in self.judged.items() if grade > 0 and d not in found]
        return sorted(lost, key=lambda d: (-self.judged[d], d))

    def relevant(self) -> list[tuple[str, int, int | None, int | None]]:
        """List relevant documents that one of the reports returns, best grade first.

        Each is (id, grade, rank before, rank after); None for a document that is not among those returned.
        """
        then = {hit["id"]: rank for rank, hit in enumerate(self.before or (), 1)}
        here = {hit["id"]: rank for rank, hit in enumerate(self.after, 1)}
        found = [
            (document, grade, then.get(document), here.get(document))
            for document, grade in self.judged.items()
            if grade > 0 and (document in then or document in here)
        ]
        return sorted(found, key=lambda row: (-row[1], row[2] or 10**9, row[0]))

    def rows(self, most: int | None = None) -> Iterator[tuple[int, str, str]]:
        """Yield (rank, document before, document after) with grades; "" where nothing was returned."""
        before = self.before or ()
        for at in range(max(len(before), len(self.after)))[:most]:
            yield at + 1, hit_text(before, at), hit_text(self.after, at)


def moved_queries(body: Mapping[str, Any], measure: str) -> list[MovedQuery]:
    """Return the queries of a report that moved against its baseline in `measure`, largest loss first."""
    details = body.get("details") or {}
    found = []
    for entry in (body.get("comparison") or {}).get("moved") or ():
        if measure in entry["was"]:
            detail = details.get(entry["query"]) or {}
            found.append(
                MovedQuery(
                    entry["query"],
                    detail.get("text") or "",
                    entry["was"][measure],
                    entry["now"][measure],
                    entry["before"],
                    detail.get("returned") or [],
                    detail.get("judged") or {},
                )
            )
    return sorted(found, key=lambda m: (m.change, m.query))


def fallen_measures(body: Mapping[str, Any]) -> list[str]:
    """List the measures whose fallen queries explain a report: those of failed gates, else the first."""
    failed = [g["measure"] for g in body.get("gates") or () if not g["ok"]]
    fallen = [m for m in dict.fromkeys(failed) if fell(body, m)]
    return fallen or list((body.get("comparison") or {}).get("measures") or {})[:1]


def fell(body: Mapping[str, Any], measure: str) -> bool:
    """Return True if a report has a baseline, and the mean of the measure is below the baseline's."""
    compared = (body.get("comparison") or {}).get("measures") or {}
    return measure in compared and compared[measure]["difference"] < 0


def corpus_changes_of(body: Mapping[str, Any]) -> CorpusChanges | None:
    """Return the changes of the corpus since a report's baseline, None if unknown."""
    found = (body.get("comparison") or {}).get("documents")
    return None if found is None else CorpusChanges.from_json(found)


def rank_changes(moved: MovedQuery, changes: CorpusChanges | None = None) -> list[str]:
    """Describe where the relevant documents went: `a.md (grade 1): rank 1 -> 7`.

    Says of a document whether it was changed, deleted or added since.
    """
    if moved.before is None:
        return []
    lines = []
    for document, grade, then, here in moved.relevant():
        if then == here:
            continue
        kind = changes.kind_of(document) if changes is not None else ""
        ranks = [
            f"rank {rank}" if rank is not None else f"not among the first {max(10, len(hits))}"
            for rank, hits in ((then, moved.before), (here, moved.after))
        ]
        if then is not None and here is not None:
            ranks[1] = str(here)
        note = f", {kind} since the baseline" if kind else ""
        lines.append(f"{document} (grade {grade}): {ranks[0]} -> {ranks[1]}{note}")
    return lines


def moved_text(moved: MovedQuery, rows: int | None = None) -> list[str]:
    """Format as lines for a terminal: the change, then `rows` ranks of both reports side by side."""
    change = f"{moved.change:+.4f}  {moved.query}  {moved.was:.4f} -> {moved.now:.4f}"
    lines = [f"{change}  {one_line(moved.text)}".rstrip()]
    cells = [] if moved.before is None else list(moved.rows(rows))
    width = min(COLUMN_WIDTH, max((len(left) for _, left, _ in cells), default=0))
    for rank, left, right in cells:
        mark = " " if left == right else "*"
        lines.append(f"  {mark} {rank:>2}  {left:{width}}  {right}".rstrip())
    return lines


def missing_text(moved: MovedQuery) -> list[str]:
    """Name the relevant documents that are not returned, in a line for a terminal; [] if all are."""
    return [f"    not returned: {summarize_names(moved.missing)}"] if moved.missing else []


def hit_text(hits: Hits, at: int) -> str:
    """Format the document at a rank (from 0) with its grade; "" beyond the last."""
    if at >= len(hits):
        return ""
    grade = hits[at].get("grade")
    return f"{one_line(hits[at]['id'])} ({'–' if grade is None else grade})"


def one_line(text: str) -> str:
    """Replace line ends by blanks and control characters, which must not reach a terminal."""
    text = " ".join(text.split())
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
