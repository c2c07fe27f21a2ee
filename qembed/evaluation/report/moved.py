"""Queries whose value changed between two reports: what was returned before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.evaluation.corpus_changes import CorpusChanges
from qembed.evaluation.formats.source_file import summarize_names
from qembed.evaluation.measure_names import cutoff
from qembed.evaluation.report.details import DOCUMENTS_SHOWN

RANKS_SHOWN = 20
"""Relevant documents of a query whose ranks are told."""
COLUMN_WIDTH = 48
"""Widest column of documents in text."""

Hits = Sequence[Mapping[str, Any]]
"""Documents returned for a query, best first: `id`, `title`, `grade`."""


@dataclass(frozen=True, slots=True)
class Returned:
    """Documents that a report returned for a query: the first ones, and how deep the others are known.

    `ranks`: of relevant documents and of the first ones. `depth`: ranks beyond it are not known.
    """

    hits: Hits
    ranks: Mapping[str, int]
    depth: int

    @classmethod
    def of(cls, detail: Mapping[str, Any], key: str = "returned") -> Returned:
        """Read an entry of `details`, or one of `moved` with the documents under `key`.

        A report of an earlier version knows the ranks of the first documents alone.
        """
        hits: Hits = detail.get(key) or ()
        ranks = {hit["id"]: rank for rank, hit in enumerate(hits, 1)}
        return cls(
            hits,
            ranks | (detail.get("ranks") or {}),
            max(DOCUMENTS_SHOWN, len(hits), detail.get("found") or 0),
        )

    @property
    def beyond(self) -> str:
        """Place of a document without a rank, in words."""
        return f"not among the first {self.depth:,}"


@dataclass(frozen=True, slots=True)
class MovedQuery:
    """Query whose value changed. `then`, `here`: what was returned before and after.

    `then` None: the earlier report does not hold it. `cutoff`: of the measure, None if it has none.
    """

    query: str
    text: str
    was: float
    now: float
    then: Returned | None
    here: Returned
    judged: Mapping[str, int]
    cutoff: int | None = None

    @property
    def before(self) -> Hits | None:
        """First documents of the earlier report, None if it does not hold them."""
        return None if self.then is None else self.then.hits

    @property
    def after(self) -> Hits:
        """First documents of the later report."""
        return self.here.hits

    @property
    def change(self) -> float:
        """Change of the value, below 0 for a loss."""
        return self.now - self.was

    @property
    def missing(self) -> list[str]:
        """Documents with a positive grade that have no rank in the second report, best grade first."""
        lost = [d for d, grade in self.judged.items() if grade > 0 and d not in self.here.ranks]
        return sorted(lost, key=lambda d: (-self.judged[d], d))

    @property
    def lower(self) -> dict[str, int]:
        """Ranks of documents with a positive grade below those that are shown, best rank first."""
        shown = {hit["id"] for hit in self.after}
        low = [
            (rank, d)
            for d, rank in self.here.ranks.items()
            if d not in shown and self.judged.get(d, 0) > 0
        ]
        return {d: rank for rank, d in sorted(low)}

    def unshown(self) -> list[tuple[str, list[str]]]:
        """List relevant documents that are not among those shown: where they are, and their names."""
        lower = [f"{d} ({rank})" for d, rank in self.lower.items()]
        found = [(f"below rank {len(self.after)}", lower), (self.here.beyond, self.missing)]
        return [(where, names) for where, names in found if names]

    def relevant(self) -> list[tuple[str, int, int | None, int | None]]:
        """List relevant documents that one of the reports has within the cutoff.

        Each is (id, grade, rank before, rank after); None for a document without a rank. Those that crossed
        the cutoff come first, then the best grades.
        """
        then, here = {} if self.then is None else self.then.ranks, self.here.ranks
        last = max(self.cutoff or 10**9, DOCUMENTS_SHOWN)
        far = 10**9
        found = []
        for document, grade in self.judged.items():
            ranks = then.get(document, far), here.get(document, far)
            if grade > 0 and min(ranks) <= last and min(ranks) < far:
                stays = max(ranks) <= last and max(ranks) < far
                found.append((stays, -grade, ranks[0], document))
        return [
            (document, -grade, then.get(document), here.get(document))
            for _, grade, _, document in sorted(found)
        ]

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
                    None if entry["before"] is None else Returned.of(entry, "before"),
                    Returned.of(detail),
                    detail.get("judged") or {},
                    cutoff(measure),
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
    if moved.then is None:
        return []
    lines = []
    for document, grade, then, here in moved.relevant():
        if then == here:
            continue
        kind = changes.kind_of(document) if changes is not None else ""
        ranks = [
            f"rank {rank}" if rank is not None else returned.beyond
            for rank, returned in ((then, moved.then), (here, moved.here))
        ]
        if then is not None and here is not None:
            ranks[1] = str(here)
        note = f", {kind} since the baseline" if kind else ""
        lines.append(f"{document} (grade {grade}): {ranks[0]} -> {ranks[1]}{note}")
    if len(lines) > RANKS_SHOWN:
        lines[RANKS_SHOWN:] = [f"and {len(lines) - RANKS_SHOWN:,} more"]
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


def unshown_text(moved: MovedQuery) -> list[str]:
    """Name the relevant documents that are not among those shown, in lines for a terminal."""
    return [f"    {where}: {one_line(summarize_names(names))}" for where, names in moved.unshown()]


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
