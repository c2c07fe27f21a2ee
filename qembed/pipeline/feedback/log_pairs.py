"""Preferences of an index's log with the texts of their documents: pairs that a reranker is trained on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qembed.feedback.preferences import Extracted, Preference, PreferenceOptions, find_preferences
from qembed.feedback.text_hash import is_hashed
from qembed.pipeline.feedback.passage_texts import best_texts
from qembed.pipeline.feedback.whole_log import read_log
from qembed.pipeline.retrieval.session import Session

PositionRule = Literal["corrected", "skipped"]


@dataclass(frozen=True, slots=True)
class LogPairs:
    """Lines of pairs, as files of them have, and how they came about.

    `left_out`: numbers of preferences without a line, by reason. `skipped`: lines of the log.
    """

    lines: list[dict[str, Any]]
    extracted: Extracted
    left_out: dict[str, int]
    skipped: int

    def to_json(self) -> dict[str, Any]:
        """JSON values of the counts. `why`: reason for which there is no pair, None if there is one."""
        return {
            "pairs": len(self.lines),
            "queries": len({line["query"] for line in self.lines}),
            "kinds": dict(Counter(line.get("source") or line["kind"] for line in self.lines)),
            "left_out": self.left_out,
            "skipped_lines": self.skipped,
            "why": None if self.lines else why_nothing(self.extracted, self.left_out),
            **extracted_json(self.extracted),
        }


def find_pairs(
    root: Path,
    options: PreferenceOptions,
    *,
    position: PositionRule = "corrected",
    least: float = 0.0,
) -> LogPairs:
    """Preferences of weight `least` and more, with the texts of their documents.

    `position`: "corrected" by propensities, or "skipped", a click over what was skipped above it. Raises
    UsageError, InputError, NoIndex, IndexDamaged.
    """
    options.check()
    log = read_log(root)
    extracted = find_preferences(log.queries, log.events, options, correct=position == "corrected")
    kept = [p for p in extracted.preferences if p.weight >= least]
    told = [p for p in kept if not is_hashed(p.query)]
    wanted: dict[str, list[str]] = defaultdict(list)
    for p in told:
        wanted[p.query] += [p.preferred, p.rejected]
    with Session(root) as session:
        texts = best_texts(session, wanted)
    here = [p for p in told if (p.query, p.preferred) in texts and (p.query, p.rejected) in texts]
    lines = [_line(p, texts[p.query, p.preferred], texts[p.query, p.rejected]) for p in here]
    lines = [line for line in lines if line["chosen"] != line["rejected"]]
    left_out = {
        "light": len(extracted.preferences) - len(kept),
        "hashed": len(kept) - len(told),
        "left_corpus": len(told) - len(here),
        "same_text": len(here) - len(lines),
    }
    return LogPairs(lines, extracted, left_out, log.skipped)


def extracted_json(extracted: Extracted) -> dict[str, Any]:
    """JSON values of how preferences came about."""
    propensities = extracted.propensities
    return {
        "summary": extracted.summary.to_json(),
        "clicks": extracted.clicks.to_json(),
        "propensities": propensities.to_json() if propensities is not None else None,
    }


def _line(preference: Preference, chosen: str, rejected: str) -> dict[str, Any]:
    found = {
        "query": preference.query,
        "chosen": chosen,
        "rejected": rejected,
        "chosen_id": preference.preferred,
        "rejected_id": preference.rejected,
        "weight": round(preference.weight, 6),
        "reason": preference.reason,
        "kind": preference.kind,
        "clients": preference.clients,
        "answers": preference.answers,
        "against": preference.against,
        "time": preference.time,
    }
    return {**found, "source": preference.source} if preference.source else found


def why_nothing(extracted: Extracted, left_out: Mapping[str, int]) -> str:
    """Reason why there is no pair, in words. `left_out`: numbers by reason, as in `LogPairs`."""
    summary = extracted.summary
    if left_out["hashed"]:
        return "the log has only hashes of the queries' texts (qembed feedback log on keeps texts)"
    if left_out.get("left_corpus") or left_out.get("same_text"):
        return "the documents have left the index, or their texts are the same"
    if left_out.get("light"):
        return f"all {left_out['light']} preferences weigh less than --min-weight"
    if extracted.clicks.verdict == "position" and summary.position_only:
        return (
            f"clicks follow position alone (p {extracted.clicks.p:.2f}, {extracted.clicks.answers} "
            "answers): which documents stand there makes no difference, so nothing can be learned of them"
        )
    if summary.other_kinds and not summary.silent:
        return "no client of the kinds asked for did anything"
    if not summary.events:
        return "there are no events: qembed feedback add, feedback import, feedback agent"
    return "no event tells two documents of an answer apart"
