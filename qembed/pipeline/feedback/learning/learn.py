"""`qembed feedback learn`: a learned order of an index's log, judged, and stored if it is better."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, refusal
from qembed.evaluation.significance import ALPHA, holm_correction
from qembed.feedback.learning.model import LearnedModel, model_path, write_model
from qembed.feedback.preferences import Preference, PreferenceOptions, find_preferences
from qembed.feedback.text_hash import is_hashed
from qembed.pipeline.feedback.learning.fit import (
    FOLDS,
    fit_pairs,
    fold_of,
    query_components,
)
from qembed.pipeline.feedback.learning.held_out import FEWEST, LaterGain, judge_later
from qembed.pipeline.feedback.learning.judgments import (
    Judged,
    JudgedGain,
    judge_by,
    related_groups,
)
from qembed.pipeline.feedback.learning.pairs import (
    LogPart,
    QueryFeatures,
    Reading,
    make_pairs,
    query_features,
)
from qembed.pipeline.feedback.log_pairs import extracted_json, why_nothing
from qembed.pipeline.feedback.whole_log import WholeLog, read_log
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session


def learn_order(
    root: Path,
    options: PreferenceOptions,
    *,
    judged: Judged | None = None,
    anyway: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Learn an order of the log of the index at `root`; store it if it is better beyond chance, or `anyway`.

    `judged`: decides in place of later answers. Returns the command's JSON. Raises UsageError, InputError,
    NoIndex, IndexDamaged, StorageError.
    """
    options.check()
    log = read_log(root)
    extracted = find_preferences(log.queries, log.events, options)
    told = [p for p in extracted.preferences if not is_hashed(p.query)]
    hashed = len(extracted.preferences) - len(told)
    body: dict[str, Any] = {
        "schema": 1,
        "index": str(root),
        "written": False,
        "better": False,
        "why": None,
        "preferences": len(told),
        "left_out": {"hashed": hashed, "left_corpus": 0, "not_found": 0},
        "skipped_lines": log.skipped,
        "later": {},
        "judged": None,
        "weights": {},
        **extracted_json(extracted),
    }
    if not told:
        return {**body, "why": why_nothing(extracted, {"hashed": hashed})}
    reading = Reading(
        options, extracted.propensities, votes_only=extracted.clicks.verdict == "position"
    )
    part = _told(log)
    texts, documents = _groups(told)
    progress = progress or Progress()
    with Session(root) as session:
        asked = {("log", g): t for g, t in texts.items()}
        if judged is not None:
            asked |= {("judged", q.id): q.text for q in judged.queries}
        named = {str(i): name for i, name in enumerate(asked)}
        progress.phase("search", "queries", len(asked))
        features, tuned = query_features(
            session,
            {i: asked[name] for i, name in named.items()},
            progress.advance,
        )
        ids = set(session.snapshot.catalog.ids())
        recipe = session.recipe.fingerprint
    known: dict[str, QueryFeatures] = {}
    known_judged: dict[str, QueryFeatures] = {}
    for i, found in features.items():
        kind, name = named[i]
        (known if kind == "log" else known_judged)[name] = found
    body["left_out"] |= _left_out(told, known, ids)
    components = query_components(texts, documents)
    folds = fold_of(components, FOLDS, seed)
    training = reading.training(part)
    pairs = make_pairs(training, known)
    fitted = fit_pairs(pairs, folds)
    if fitted is None:
        return {
            **body,
            "why": "the preferred documents have left the index, or no search finds them",
        }
    later = judge_later(part, reading, known, folds, components)
    by_judgments = None
    if judged is not None:
        related, judged_components = related_groups(judged, texts, documents)
        rest = fit_pairs(pairs.of(lambda g: g not in related), folds)
        if rest is not None:
            by_judgments = judge_by(
                judged, known_judged, rest.weights, judged_components, len(related)
            )
    body |= {
        "pairs": len(pairs.trust),
        "queries": len(set(pairs.groups)),
        "later": {name: found.to_json() for name, found in later.items()},
        "judged": None if by_judgments is None else by_judgments.to_json(),
        "weights": fitted.named(),
        "strength": fitted.strength,
    }
    body["better"], body["why"] = verdict(later, by_judgments, judged is not None)
    if body["better"] or anyway:
        learned = _learned(body, told, tuned, options, seed)
        _store(root, LearnedModel(fitted.named(), recipe, learned), reading.popularity(part))
        body |= {"written": True, "out": str(model_path(root))}
    return body


def _told(log: WholeLog) -> LogPart:
    """The part of a log whose texts are known."""
    queries = [q for q in log.queries if not is_hashed(q.text)]
    ids = {q.query_id for q in queries}
    return LogPart(queries, [e for e in log.events if e.query_id in ids])


def _groups(preferences: Sequence[Preference]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """(text of each group of queries, documents preferred for it)."""
    texts: dict[str, str] = {}
    documents: dict[str, list[str]] = defaultdict(list)
    for p in preferences:
        texts.setdefault(p.group, p.query)
        documents[p.group].append(p.preferred)
    return texts, documents


def _left_out(
    preferences: Sequence[Preference], known: Mapping[str, QueryFeatures], ids: set[str]
) -> dict[str, int]:
    """Preferences on documents that left the index, and on those that are no candidates any more."""
    left = sum(p.preferred not in ids or p.rejected not in ids for p in preferences)
    found = sum({p.preferred, p.rejected} <= known[p.group].documents.keys() for p in preferences)
    return {"left_corpus": left, "not_found": len(preferences) - found - left}


def verdict(
    later: Mapping[str, LaterGain], judged: JudgedGain | None, wants_judged: bool
) -> tuple[bool, str | None]:
    """(whether the order is better beyond chance, why not).

    By judgments, where there are any. Else by later answers, to queries taken as new and to those known
    before: the p of two such questions are corrected, and none of them may be worse beyond chance.
    """
    if wants_judged:
        if judged is None:
            return (
                False,
                "all preferences are of queries that share words or documents with judged ones",
            )
        better = judged.gain.beyond_chance()
        return better, None if better else "no better on judged queries than chance would have it"
    if not later:
        return False, f"fewer than {FEWEST} queries have later preferences to judge by (log more)"
    gains = [found.gain for found in later.values()]
    ps = holm_correction([g.p for g in gains])
    worse = any(g.mean < 0 and p <= ALPHA for g, p in zip(gains, ps, strict=True))
    better = any(g.mean > 0 and p <= ALPHA for g, p in zip(gains, ps, strict=True))
    if worse:
        return False, "worse on later answers"
    return better, None if better else "no better on later answers than chance would have it"


def _learned(
    body: Mapping[str, Any],
    preferences: Sequence[Preference],
    tuned: Mapping[str, Any],
    options: PreferenceOptions,
    seed: int,
) -> dict[str, Any]:
    """Origin of the weights and their gain, which are stored with them."""
    lines = sorted((p.group, p.preferred, p.rejected, round(p.weight, 6)) for p in preferences)
    digest = hashlib.blake2b(json.dumps(lines).encode(), digest_size=16).hexdigest()
    return {
        "date": round(time.time(), 3),
        "better": body["better"],
        "pairs": body["pairs"],
        "queries": body["queries"],
        "preferences": digest,
        "kinds": list(options.kinds),
        "seed": seed,
        "strength": body["strength"],
        "order_before": dict(tuned),
        "later": body["later"],
        "judged": body["judged"],
    }


def _store(root: Path, model: LearnedModel, popularity: Mapping[str, Mapping[str, float]]) -> None:
    try:
        write_model(root, model, popularity)
    except OSError as e:
        raise StorageError(f"cannot write {model_path(root)}: {refusal(e)}") from e
