"""Preferences of an index's log with the texts of their documents: pairs that a reranker is trained on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from qembed.feedback.preferences import Extracted, Preference, PreferenceOptions, find_preferences
from qembed.feedback.text_hash import is_hashed
from qembed.pipeline.feedback.learning.pairs import LogPart, Reading
from qembed.pipeline.feedback.passage_texts import Texts, best_texts
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


class DividedPairs(NamedTuple):
    """Pairs of a log, and lines of those of its earlier and of its later answers alone.

    `since`: time of the first later answer, seconds since 1970.
    """

    whole: LogPairs
    earlier: list[dict[str, Any]]
    later: list[dict[str, Any]]
    since: float


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
    return _log_pairs(extracted, kept, _texts(root, kept), log.skipped)


def divide_pairs(root: Path, options: PreferenceOptions, share: float, least: int) -> DividedPairs:
    """Preferences of a log with the texts of their documents, of all of it and of both parts by time.

    `share`: of the answers that something was done with, that are later ones; `least` of them, as far as
    these are no more than half. How likely ranks are looked at is estimated from the whole log. Raises
    UsageError, InputError, NoIndex, IndexDamaged.
    """
    options.check()
    log = read_log(root)
    extracted = find_preferences(log.queries, log.events, options)
    only_votes = extracted.clicks.verdict == "position"
    reading = Reading(options, extracted.propensities, votes_only=only_votes)
    acted_on = {e.query_id for e in log.events}
    part = LogPart([q for q in log.queries if q.query_id in acted_on], log.events)
    answers = max(1, len(part.queries))
    parts = part.divide(1 - max(share, min(0.5, least / answers)))
    earlier, later = (reading.preferences(p) for p in parts)
    texts = _texts(root, [*extracted.preferences, *earlier, *later])
    return DividedPairs(
        _log_pairs(extracted, extracted.preferences, texts, log.skipped),
        _lines(earlier, texts),
        _lines(later, texts),
        min((q.time for q in parts[1].queries), default=0.0),
    )


def _log_pairs(
    extracted: Extracted, kept: Sequence[Preference], texts: Texts, skipped: int
) -> LogPairs:
    told = [p for p in kept if not is_hashed(p.query)]
    here = [p for p in told if (p.query, p.preferred) in texts and (p.query, p.rejected) in texts]
    lines = _lines(here, texts)
    left_out = {
        "light": len(extracted.preferences) - len(kept),
        "hashed": len(kept) - len(told),
        "left_corpus": len(told) - len(here),
        "same_text": len(here) - len(lines),
    }
    return LogPairs(lines, extracted, left_out, skipped)


def _texts(root: Path, preferences: Iterable[Preference]) -> Texts:
    wanted: dict[str, list[str]] = defaultdict(list)
    for p in preferences:
        if not is_hashed(p.query):
            wanted[p.query] += [p.preferred, p.rejected]
    with Session(root) as session:
        return best_texts(session, wanted)


def _lines(preferences: Iterable[Preference], texts: Texts) -> list[dict[str, Any]]:
    """Lines of the preferences whose texts are there, and differ."""
    found = []
    for p in preferences:
        chosen, rejected = texts.get((p.query, p.preferred)), texts.get((p.query, p.rejected))
        if chosen is not None and rejected is not None and chosen != rejected:
            found.append(_line(p, chosen, rejected))
    return found


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
