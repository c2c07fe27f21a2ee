"""Requests and answers of `rerank`: their fields, their JSON, and hits on standard input.

Imports no other room: a client of the server makes its request with this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from qembed.errors import InputError, UsageError
from qembed.pipeline.retrieval.answer import RerankSummary, summary_from_json, summary_to_json
from qembed.pipeline.retrieval.options import UNCALIBRATED, check_share
from qembed.pipeline.retrieval.request import is_optional_text
from qembed.types import Run

HitLine: TypeAlias = dict[str, Any]
"""A hit as one of `--format jsonl`'s lines; "query" and "text" are texts."""


@dataclass(frozen=True, slots=True)
class RerankOptions:
    """Options of reranking hits or a run.

    `task`: of queries without one of their own. `k` None: keep all. `budget`: seconds of scoring, None
    without a limit. `share`: weight of the reranker beside the order before, None for its default.
    `tuned`: take the reranker, and the share if there is none, that `tune` chose for the index.
    """

    spec: str
    task: str | None = None
    k: int | None = None
    budget: float | None = None
    min_score: float | None = None
    share: float | None = None
    tuned: bool = False

    @property
    def late(self) -> bool:
        """True for late interaction, which reads what the encoder reads."""
        return self.spec == "late"


def with_tuned_reranker(options: RerankOptions, tuned: Mapping[str, Any] | None) -> RerankOptions:
    """Options with the reranker that `tune` chose. `tuned`: the manifest's setting, None without one.

    `late` and `learned` go with no least score: then the given options stand.
    """
    chosen = {} if tuned is None else tuned["options"]
    spec = chosen.get("rerank")
    uncalibrated = spec in UNCALIBRATED and options.min_score is not None
    if not options.tuned or not spec or uncalibrated:
        return options
    share = chosen.get("rerank_share") if options.share is None else options.share
    return replace(options, spec=spec, share=share)


def check_rerank_options(options: RerankOptions) -> None:
    """Raise UsageError for options that do not go together."""
    if options.k is not None and options.k < 1:
        raise UsageError("-k: at least 1")
    check_share(options.share)
    if options.spec in UNCALIBRATED and options.min_score is not None:
        raise UsageError(
            f"--min-score with {options.spec}: its scores order one query's candidates and mean nothing "
            "beyond (take a cross-encoder, whose scores are probabilities)"
        )


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """Hits to put in a better order. `model`: whose token vectors `late` compares; None: the index's."""

    hits: Sequence[HitLine]
    options: RerankOptions
    model: str | None = None

    reads_files: ClassVar[bool] = False

    @property
    def specs(self) -> list[str | None]:
        """Specs of the models that answer."""
        return [self.model, self.options.spec]

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        return {"hits": self.hits, "options": asdict(self.options), "model": self.model}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RerankRequest:
        """Request from JSON values. Raises KeyError, TypeError for other values than `to_json`'s."""
        return cls(list(body["hits"]), RerankOptions(**body["options"]), body["model"])


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run to put in a better order: paths of the run and of its queries. `hits`: with passages."""

    run: Path
    queries: Path
    options: RerankOptions
    hits: bool = False

    model: ClassVar[None] = None
    reads_files: ClassVar[bool] = True

    @property
    def specs(self) -> list[str | None]:
        """Specs of the models that answer."""
        return [self.options.spec]

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        return {
            "run": str(self.run),
            "queries": str(self.queries),
            "options": asdict(self.options),
            "hits": self.hits,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RunRequest:
        """Request from JSON values. Raises KeyError, TypeError for other values than `to_json`'s."""
        options = RerankOptions(**body["options"])
        return cls(Path(body["run"]), Path(body["queries"]), options, body["hits"])


@dataclass(frozen=True, slots=True)
class RerankedHits:
    """Hits in their new order, as lines of `--format jsonl`. `reranked`: None if there were none.

    `seconds`: stage -> seconds. `warnings`: lines on options without effect.
    """

    hits: Sequence[dict[str, Any]]
    reranked: RerankSummary | None
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        reranked = summary_to_json(self.reranked)
        return {
            "hits": self.hits,
            "reranked": reranked,
            "seconds": dict(self.seconds),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RerankedHits:
        """Hits from JSON values."""
        reranked = summary_from_json(body["reranked"])
        return cls(body["hits"], reranked, body["seconds"], tuple(body["warnings"]))


@dataclass(frozen=True, slots=True)
class RerankedRun:
    """A run in its new order. `warnings`: lines on oddities of its files. `hits`: the run's, if asked for.

    `seconds`: stage -> seconds.
    """

    run: Run
    reranked: RerankSummary
    warnings: Sequence[str] = ()
    hits: Sequence[HitLine] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        return {
            "run": self.run,
            "reranked": self.reranked.to_json(),
            "warnings": list(self.warnings),
            "hits": list(self.hits),
            "seconds": dict(self.seconds),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RerankedRun:
        """Run from JSON values."""
        summary = RerankSummary.from_json(body["reranked"])
        warnings, hits = tuple(body["warnings"]), tuple(body["hits"])
        return cls(body["run"], summary, warnings, hits, body["seconds"])


# ── standard input ───────────────────────────────────────────────────────────────────────────────


def parse_hits(lines: Iterable[bytes], name: str = "-") -> list[HitLine]:
    """Hits, as `qembed query --format jsonl` writes them. Raises InputError with all broken lines."""
    found: list[HitLine] = []
    problems = []
    for n, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            found.append(_hit(json.loads(raw)))
        except (ValueError, KeyError, TypeError):
            problems.append(
                f'{name}:{n}: not a hit: a JSON object with "query" and "text" is wanted'
            )
    if problems:
        raise InputError(
            "lines that cannot be reranked (pipe in qembed query --format jsonl):", problems
        )
    return found


def _hit(body: Any) -> HitLine:
    """Hit of a JSON line. Raises KeyError, TypeError for another form."""
    if not isinstance(body["query"], str) or not isinstance(body["text"], str):
        raise TypeError
    if not is_optional_text(body.get("task")) or not isinstance(body.get("scores") or {}, dict):
        raise TypeError
    body.setdefault("query_id", "1")
    return dict(body)
