"""Comparison of what is new with what was there: sides, tests, verdict, as JSON values."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.drift.compare import compare
from qembed.drift.signal import Signal, adjust
from qembed.drift.verdict import Situation, Verdict, judge
from qembed.errors import RecipeMismatch, UsageError
from qembed.pipeline.drift.advice import Advice, next_command
from qembed.pipeline.drift.document_times import Since, document_times, parse_since
from qembed.pipeline.drift.evidence import day, signals_of, unread_scripts
from qembed.pipeline.drift.index_side import IndexSides, added_since
from qembed.pipeline.drift.new_texts import side_of_path
from qembed.pipeline.drift.side import Side
from qembed.pipeline.progress import Progress, StageTimer
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.text_profile.profile_file import generations, open_profile
from qembed.store import Manifest, Snapshot

DEFAULT_SINCE = "30d"


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """Options of a comparison. At most one of `since`, `new` and `against` is given; none: DEFAULT_SINCE."""

    since: str | None = None
    new: Path | None = None
    against: Path | None = None
    time_field: str | None = None

    def check(self) -> None:
        """Raise UsageError for options that contradict one another."""
        given = [f"--{n}" for n in ("since", "new", "against") if getattr(self, n) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} contradict one another: what is new?")
        if self.new is not None and not self.new.exists():
            raise UsageError(f"--new {self.new}: no such file or folder")
        if self.since is not None:
            parse_since(self.since)

    def words(self) -> list[str]:
        """Options as words of a command line."""
        found = []
        for name in ("since", "new", "against", "time_field"):
            if (value := getattr(self, name)) is not None:
                found += [f"--{name.replace('_', '-')}", str(value)]
        return found


@dataclass(slots=True)
class _Run:
    """Comparison of an index's documents with the new ones."""

    root: Path
    options: DriftOptions
    progress: Progress
    warnings: list[str] = field(default_factory=list)
    timer: StageTimer = field(default_factory=StageTimer)

    def sides(self, snapshot: Snapshot, loaded: LoadedModel) -> tuple[Side, Side, str]:
        """(old side, new side, what the new one is)."""
        options, manifest = self.options, snapshot.manifest
        with self.timer("times"):
            times = document_times(snapshot.catalog, options.time_field)
        for value in times.unread[:1]:
            self.warnings.append(
                f"some dates cannot be read, such as {value!r}: those of files count"
            )
        now = time.time()
        if (n := times.future(now)) > 0:
            self.warnings.append(f"{n:,} documents are dated after now: they count as new")
        listed = generations(self.root, manifest)
        if listed and listed[-1][1] > now + 60:
            self.warnings.append(
                f"the clock ran back: generation {listed[-1][0]} was made after what it says now"
            )
        with self.timer("profile"):
            profile = open_profile(self.root, manifest)
        if profile is None:
            self.warnings.append(
                "the index has no profile yet: the texts of its sample are read (qembed index makes it)"
            )
        ours = IndexSides(snapshot, times, profile, lambda: loaded.model.tokenizer())
        self.progress.phase("read samples", "", None)
        with self.timer("samples"):
            if options.new is not None:
                new = side_of_path(
                    options.new,
                    loaded,
                    manifest,
                    options.time_field,
                    self.progress,
                    self.warnings.append,
                )
                return ours.side(texts=False), new, str(options.new)
            if options.against is not None:
                return (
                    ours.side(texts=False),
                    self._other_index(manifest, loaded),
                    str(options.against),
                )
            since = parse_since(options.since or DEFAULT_SINCE)
            mask = added_since(snapshot, times, since)
            self._check_split(mask, since, times.times)
            return ours.side(~mask, texts=False), ours.side(mask, texts=True), f"since {since.text}"

    def _other_index(self, manifest: Manifest, loaded: LoadedModel) -> Side:
        assert self.options.against is not None
        with Snapshot.open(self.options.against) as other:
            if other.manifest.recipe.fingerprint != manifest.recipe.fingerprint:
                raise RecipeMismatch(
                    f"--against {self.options.against}: its vectors are of another recipe "
                    f"({other.manifest.recipe.model}, not {manifest.recipe.model}, or other settings); only "
                    "indexes of one recipe can be compared"
                )
            times = document_times(other.catalog, self.options.time_field)
            profile = open_profile(other.root, other.manifest)
            sides = IndexSides(other, times, profile, lambda: loaded.model.tokenizer())
            return sides.side(texts=True)

    def _check_split(self, mask: Any, since: Since, times: Any) -> None:
        """Warn of documents without a time, which count as old."""
        if since.time_ns is not None and (n := int((times == 0).sum())):
            self.warnings.append(f"{n:,} documents have no time: they count as old")


def check_drift(
    root: Path, options: DriftOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Compare, and return the report as JSON values. Raises UsageError, NoIndex, IndexDamaged, InputError,
    RecipeMismatch, ModelUnavailable.
    """
    options.check()
    began = time.perf_counter()
    run = _Run(root, options, progress or Progress())
    with Snapshot.open(root) as snapshot:
        manifest = snapshot.manifest
        loaded = LoadedModel(manifest, timer=run.timer)
        old, new, what = run.sides(snapshot, loaded)
        situation = Situation(old.documents, old.passages, new.documents, new.passages)
        signals: list[Signal] = []
        if not situation.lack:
            run.progress.phase("compare", "", None)
            with run.timer("compare"):
                signals = signals_of(compare(old.sample, new.sample), old, new)
    signals = adjust(signals)
    verdict = judge(signals, situation)
    run.timer.end(time.perf_counter() - began)
    return report(run, manifest, verdict, signals, (old, new), what)


def report(
    run: _Run,
    manifest: Manifest,
    verdict: Verdict,
    signals: Sequence[Signal],
    sides: tuple[Side, Side],
    what: str,
) -> dict[str, Any]:
    """Report as JSON values."""
    advice = Advice(run.root, manifest.spec, run.options.words())
    old, new = sides
    return {
        "schema": 1,
        "verdict": verdict.level,
        "reason": verdict.reason,
        "next": next_command(verdict.next, advice, unread_scripts(signals)),
        "enough": verdict.enough,
        "step": verdict.next,
        "index": str(run.root),
        "generation": manifest.generation,
        "model": manifest.spec,
        "recipe": manifest.recipe.fingerprint,
        "what": what,
        "time": round(time.time(), 3),
        "old": _side(old),
        "new": _side(new),
        "signals": [s.to_json() for s in signals],
        "warnings": run.warnings,
        "seconds": {k: round(v, 3) for k, v in run.timer.items()},
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "documents": side.documents,
        "passages": side.passages,
        "sampled_documents": side.sample.documents,
        "from": day(side.first),
        "until": day(side.last),
    }
