"""Counts of an indexing run, and its summary as `qembed index` prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.progress import StageTimer
from qembed.pipeline.skipped_files import SkippedFile, SkippedFiles
from qembed.pipeline.source_options import FilePlaces, document_place
from qembed.store import Manifest
from qembed.types import LeftOut, ReadWarning, Recipe, Unreadable

KINDS = ("added", "changed", "moved", "unchanged", "deleted", "failed")
"""Outcomes of a document."""
MAX_LISTED = 1000
"""Truncated passages listed by name, and problems listed per file."""


@dataclass(slots=True)
class LeftOutStats:
    """Parts left out of files that were read: how many files, how many parts, and the first of them."""

    MAX_LISTED = 1000

    files: int = 0
    parts: int = 0
    listed: list[LeftOut] = field(default_factory=list)

    def add_file(self, left_out: Sequence[LeftOut]) -> None:
        """Count what was left out of one file."""
        self.files += bool(left_out)
        self.parts += sum(part.count for part in left_out)
        self.listed += left_out[: self.MAX_LISTED - len(self.listed)]

    def to_json(self) -> dict[str, Any]:
        """Numbers, and the parts that are listed by name."""
        parts = [{"path": p.path, "what": p.what, "count": p.count} for p in self.listed]
        return {"files": self.files, "parts": self.parts, "listed": parts}


@dataclass(slots=True)
class WarningStats:
    """Warnings about files that were read: how many, and the first of them."""

    MAX_LISTED = 1000

    count: int = 0
    listed: list[ReadWarning] = field(default_factory=list)

    def add(self, warning: ReadWarning) -> None:
        """Count a warning."""
        self.count += 1
        if len(self.listed) < self.MAX_LISTED:
            self.listed.append(warning)

    def to_json(self) -> list[dict[str, Any]]:
        """The warnings that are listed; a last entry counts those beyond."""
        found = [{"path": w.path, "line": w.line, "message": w.message} for w in self.listed]
        if more := self.count - len(found):
            found.append({"path": None, "line": None, "message": f"and {more:,} more"})
        return found


@dataclass(slots=True)
class IndexStats:
    """Counts of a run while it goes on.

    `documents`: by outcome. `skipped`: files left out. `plain_text_fallbacks`: documents chunked as plain
    text, by the missing requirement. `failed`: problems with the file they are in. `deleted_why`: deleted
    documents by reason. `emptied`: ids and files of those that have no text any more. `tokens`: of the
    passages encoded or reused; `tokens_cut`: those of them that the encoder does not read.
    """

    documents: Counter[str] = field(default_factory=Counter)
    deleted_why: Counter[str] = field(default_factory=Counter)
    emptied: list[tuple[str, Key]] = field(default_factory=list)
    encoded: int = 0
    reused: int = 0
    truncated: int = 0
    tokens: int = 0
    tokens_cut: int = 0
    truncated_passages: list[str] = field(default_factory=list)
    plain_text_fallbacks: Counter[str] = field(default_factory=Counter)
    skipped: SkippedFiles = field(default_factory=SkippedFiles)
    failed: list[tuple[Key, Unreadable]] = field(default_factory=list)
    left_out: LeftOutStats = field(default_factory=LeftOutStats)
    warnings: WarningStats = field(default_factory=WarningStats)
    seconds: StageTimer = field(default_factory=StageTimer)

    def add_unreadable(self, problems: Sequence[tuple[Key, Unreadable]]) -> None:
        """Count files that could not be read."""
        self.failed += problems
        self.documents["failed"] += len(problems)

    def passages(self, total: int) -> dict[str, int]:
        """Counts of passages by name; `total`: of the index."""
        names = ("encoded", "reused", "truncated", "tokens", "tokens_cut")
        return {"total": total, **{name: getattr(self, name) for name in names}}

    def add_failure(self, key: Key, problem: Unreadable, number: int) -> None:
        """Count a document that failed; the first of a file, by their `number` from 1, are listed."""
        self.documents["failed"] += 1
        if number <= MAX_LISTED:
            self.failed.append((key, problem))

    def end_failures(self, key: Key, path: str, number: int, what: str) -> None:
        """List how many failures of a file there are beyond those listed. `number`: of all."""
        if number > MAX_LISTED:
            self.failed.append((key, Unreadable(path, f"and {number - MAX_LISTED:,} more {what}")))

    def add_truncated(self, places: Sequence[str], tokens_cut: int) -> None:
        """Count passages of which the encoder reads a part only, given as `path:line`."""
        self.truncated += len(places)
        self.tokens_cut += tokens_cut
        self.truncated_passages += places[: MAX_LISTED - len(self.truncated_passages)]


class Detail(NamedTuple):
    """Report on a file in a dry run. `chunker`: none, markdown, text, or code: and the language."""

    path: str
    name: str
    reader: str
    chunker: str
    documents: int
    passages: int
    problems: Sequence[str]


class Estimate(NamedTuple):
    """Estimate of a dry run. `kinds`: reader -> (files to read, their bytes). `measured`: files it rests on.

    `passages`: to encode; `reused`: those whose vectors the index has. `seconds`: of the run, None if
    encoding was not measured. `is_exact`: all files were read, so that `passages` is counted. `about`:
    outcomes of documents whose numbers are estimated.
    """

    kinds: Mapping[str, tuple[int, int]]
    passages: int
    seconds: float | None
    measured: int
    is_exact: bool
    reused: int = 0
    about: Sequence[str] = ()


class Question(NamedTuple):
    """Confirmation that a run would ask for, with options that answer it. `full_text`: with full paths."""

    text: str
    way_out: str
    full_text: str


class Forgotten(NamedTuple):
    """Settings of a source that a run has forgotten, as its options did not repeat them.

    `source`: as it opens from the current folder. `excluded`: patterns of files that are not left out any
    more; `options`: other settings, as words of options. `files`: read now, and left out before; `documents`:
    in them, None in a dry run.
    """

    source: str
    excluded: Sequence[str]
    options: Sequence[str]
    files: int
    documents: int | None

    def to_json(self) -> dict[str, Any]:
        """Documented fields; the patterns among the options."""
        excluded = [word for pattern in self.excluded for word in ("--exclude", pattern)]
        return {
            "source": self.source,
            "options": [*excluded, *self.options],
            "files": self.files,
            "documents": self.documents,
        }


@dataclass(slots=True)
class IndexSummary:
    """Result of an indexing run.

    `skipped`: files by the reason they were skipped for; `suffixes`: those with an unknown suffix, by
    suffix, "" for none. `plain_text_fallbacks`: documents chunked as plain text, by the missing
    requirement. `left_out`: parts of the files that were read; `warnings`: doubts about them. Of a dry
    run only: `would`: full paths of files by what a run would do; `questions`: the confirmations that a
    run would ask for; `details`: if asked for; `estimate`. `skipped_files`: the first that were skipped,
    in a dry run of all. `deleted_why`: deleted documents by reason. `emptied`: ids and places of
    documents that have no text any more; `emptied_sources`: those without documents now, with their
    numbers before. `model`: its spec, and why it was chosen. `filters`: options that leave files out, by
    source. `is_news`: no run has told of these skipped files. `refused`: why a rebuild did not become the
    index. `forgotten`: settings of sources that do not hold any more.
    """

    index: Path
    generation: int
    recipe: Recipe
    documents: Mapping[str, int]
    passages: Mapping[str, int]
    failed: list[Unreadable]
    skipped: Mapping[str, int]
    seconds: Mapping[str, float]
    interrupted: bool = False
    dry_run: bool = False
    truncated_passages: list[str] = field(default_factory=list)
    plain_text_fallbacks: Mapping[str, int] = field(default_factory=dict)
    would: Mapping[str, list[str]] = field(default_factory=dict)
    details: Sequence[Detail] = ()
    suffixes: Mapping[str, int] = field(default_factory=dict)
    skipped_files: Sequence[SkippedFile] = ()
    left_out: LeftOutStats = field(default_factory=LeftOutStats)
    warnings: WarningStats = field(default_factory=WarningStats)
    deleted_why: Mapping[str, int] = field(default_factory=dict)
    emptied: Sequence[tuple[str, str]] = ()
    emptied_sources: Mapping[str, int] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    estimate: Estimate | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_news: bool = False
    refused: str | None = None
    forgotten: Sequence[Forgotten] = ()

    @classmethod
    def of_run(
        cls, index: Path, present: Manifest, stats: IndexStats, **others: Any
    ) -> IndexSummary:
        """Summary of a run that is over, which has left the generation `present`. `others`: fields."""
        places = FilePlaces(index)
        return cls(
            index=index,
            generation=present.generation,
            recipe=present.recipe,
            documents={k: stats.documents[k] for k in KINDS},
            passages=stats.passages(present.counts.get("passages", 0)),
            failed=[u for _, u in stats.failed],
            skipped=stats.skipped.reasons,
            suffixes=stats.skipped.suffixes,
            skipped_files=stats.skipped.listed(places),
            seconds=stats.seconds,
            truncated_passages=stats.truncated_passages,
            plain_text_fallbacks=stats.plain_text_fallbacks,
            left_out=stats.left_out,
            warnings=stats.warnings,
            deleted_why=+stats.deleted_why,
            emptied=[(name, document_place(name, places.path(key))) for name, key in stats.emptied],
            **others,
        )

    @property
    def emptied_why(self) -> Mapping[str, int]:
        """Reasons of the deleted documents, if all of them were in `emptied_sources`, else {}."""
        is_all = sum(self.emptied_sources.values()) == sum(self.deleted_why.values())
        return self.deleted_why if is_all else {}

    def suffixes_of(self, reason: str) -> Mapping[str, int]:
        """Return the counts of unknown suffixes for the skip reason they belong to, {} for any other."""
        from qembed.corpus import UNKNOWN

        return self.suffixes if reason == UNKNOWN else {}

    def skipped_count(self, reason: str) -> str:
        """Return the number of files skipped for a reason, as in `82 symbolic links`."""
        from qembed.corpus import counted_reason

        return counted_reason(self.skipped[reason], reason)

    def to_json(self) -> dict[str, Any]:
        """Documented fields."""
        body: dict[str, Any] = {
            "schema": 1,
            "index": str(self.index),
            "generation": self.generation,
            "recipe": self.recipe.to_json(),
            "model": dict(self.model),
            "documents": dict(self.documents),
            "deleted_why": dict(self.deleted_why),
            "emptied": {
                "documents": len(self.emptied),
                "listed": [name for name, _ in self.emptied[:MAX_LISTED]],
            },
            "emptied_sources": dict(self.emptied_sources),
            "passages": dict(self.passages),
            "cut_plainly": dict(self.plain_text_fallbacks),
            "failed": [{"path": u.path, "line": u.line, "error": u.error} for u in self.failed],
            "skipped": dict(self.skipped),
            "left_out": self.left_out.to_json(),
            "warnings": self.warnings.to_json(),
            "unknown_suffixes": dict(self.suffixes),
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
            "interrupted": self.interrupted,
            "forgotten": [f.to_json() for f in self.forgotten],
            "skipped_files": [f.to_json() for f in self.skipped_files],
        }
        if self.dry_run:
            body["dry_run"] = True
            body["would"] = {k: list(v) for k, v in self.would.items()}
            body["question"] = "; ".join(q.full_text for q in self.questions) or None
            if self.estimate is not None:
                kinds = {k: {"files": n, "bytes": b} for k, (n, b) in self.estimate.kinds.items()}
                body["estimate"] = {**self.estimate._asdict(), "kinds": kinds}
            if self.details:
                body["details"] = [d._asdict() for d in self.details]
        return body
