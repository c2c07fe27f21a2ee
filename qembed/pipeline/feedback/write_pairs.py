"""Preferences of an index's log as a file that trains a reranker."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from qembed.errors import StorageError, refusal
from qembed.feedback.preferences import Extracted, Preference, PreferenceOptions, find_preferences
from qembed.feedback.text_hash import is_hashed
from qembed.outputs import check_outputs
from qembed.pipeline.feedback.passage_texts import best_texts
from qembed.pipeline.feedback.whole_log import read_log
from qembed.pipeline.retrieval.session import Session

PositionRule = Literal["corrected", "skipped"]


def write_pairs(
    root: Path,
    out: Path,
    options: PreferenceOptions,
    *,
    position: PositionRule = "corrected",
    least: float = 0.0,
) -> dict[str, Any]:
    """Write the preferences of weight `least` and more, with the texts of their documents, to `out`.

    `position`: "corrected" by propensities, or "skipped", a click over what was skipped above it. Nothing is
    written if there are none. Returns the command's JSON. Raises UsageError, InputError, NoIndex,
    IndexDamaged, StorageError.
    """
    options.check()
    check_outputs([out])
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
    if lines:
        _write(out, lines)
    left_out = {
        "light": len(extracted.preferences) - len(kept),
        "hashed": len(kept) - len(told),
        "left_corpus": len(told) - len(here),
        "same_text": len(here) - len(lines),
    }
    return {
        "schema": 1,
        "out": str(out),
        "written": bool(lines),
        "pairs": len(lines),
        "queries": len({line["query"] for line in lines}),
        "kinds": dict(Counter(line.get("source") or line["kind"] for line in lines)),
        "left_out": left_out,
        "skipped_lines": log.skipped,
        "why": None if lines else _why(extracted, left_out),
        **extracted_json(extracted),
        "settings": {"position": position, "least": least, **asdict(options)},
    }


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


def _write(out: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write lines, in one rename where `out` is a file. Raises StorageError."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    data = text.encode("utf-8", "backslashreplace")
    partial = out.with_name(f".{out.name}.partial")
    try:
        if out.exists() and not out.is_file():  # a pipe, /dev/stdout
            out.write_bytes(data)
            return
        partial.write_bytes(data)
        os.replace(partial, out.resolve())  # noqa: PTH105 - as everywhere where files are replaced
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise StorageError(f"cannot write {out}: {refusal(e)}") from e


def _why(extracted: Extracted, left_out: dict[str, int]) -> str:
    """Reason why there is no pair, in words."""
    summary = extracted.summary
    if left_out["hashed"]:
        return "the log has only hashes of the queries' texts (qembed feedback log on keeps texts)"
    if left_out["left_corpus"] or left_out["same_text"]:
        return "the documents have left the index, or their texts are the same"
    if left_out["light"]:
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
