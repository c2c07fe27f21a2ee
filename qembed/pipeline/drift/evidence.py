"""Signals of a comparison, with what a person can check: words, passages, subjects with their dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qembed.drift.compare import Comparison
from qembed.drift.signal import Signal
from qembed.pipeline.text_profile.text_facts import written_forms

if TYPE_CHECKING:
    from qembed.drift.subjects import Subject
    from qembed.drift.terms import Term
    from qembed.drift.words import RateFound
    from qembed.pipeline.drift.side import Side
    from qembed.pipeline.text_profile.text_facts import TextFacts

MOST_WORDS = 15
MOST_TERMS = 20
SUBJECT_WORDS = 10
MOST_PASSAGES = 5
EXCERPT = 200
"""Characters of a quoted passage."""
LEAST_SCRIPT = 0.005
"""Share of the words from which on a script is listed."""


def signals_of(found: Comparison, old: Side, new: Side) -> list[Signal]:
    """Signals of all tests. The p-values are not corrected yet."""
    wanted = [t.hash for t in found.terms.terms]
    wanted += [t.hash for terms in found.subject_terms for t in terms]
    forms = written_forms(wanted, new.texts) if wanted else {}
    signals = []
    if found.fragments is not None and found.unread is not None:
        signals += [_fragments(found.fragments, old, new), _unread(found, new)]
    return [
        *signals,
        _terms(found, forms),
        Signal(
            "centroid",
            found.centroid.effect,
            found.centroid.test.p,
            f"the centre moved by {found.centroid.effect:.2f} of the spread",
        ),
        Signal(
            "energy",
            found.energy.effect,
            found.energy.test.p,
            f"energy distance {found.energy.effect:.3f} (0: same, 1: nothing in common)",
        ),
        _outside(found, new),
        _subjects(found, forms, new),
    ]


def _fragments(rate: RateFound, old: Side, new: Side) -> Signal:
    before = {w for f in old.facts for w in f.fragmented}
    counts: Counter[str] = Counter()
    pieces: dict[str, int] = {}
    for facts in new.facts:
        counts.update(facts.fragmented.keys())
        pieces.update(facts.fragmented)
    fresh = sorted(
        (w for w in counts if w not in before), key=lambda w: (-counts[w], -pieces[w], w)
    )
    return Signal(
        "fragments",
        rate.effect,
        rate.test.p,
        f"{rate.new:.2f} pieces a word, {rate.old:.2f} before",
        [{"word": w, "pieces": pieces[w], "passages": counts[w]} for w in fresh[:MOST_WORDS]],
        details={"old": round(rate.old, 4), "new": round(rate.new, 4)},
    )


def _unread(found: Comparison, new: Side) -> Signal:
    rate = found.unread
    assert rate is not None
    scripts = [
        {
            "script": s.script,
            "share": round(s.new, 4),
            "before": round(s.old, 4),
            "unread": round(s.unread, 4),
        }
        for s in found.scripts
        if s.new >= LEAST_SCRIPT
    ]
    unread = [s["script"] for s in scripts if float(str(s["unread"])) > 0.1]
    said = f"the model cannot read {rate.new:.1%} of the new words, {rate.old:.1%} before"
    if unread:
        said += f" (script: {', '.join(map(str, unread[:3]))})"
    return Signal(
        "unread",
        rate.effect,
        rate.test.p,
        said,
        [*scripts, *_unread_words(new.facts)],
        details={"old": round(rate.old, 4), "new": round(rate.new, 4), "scripts": unread},
    )


def _unread_words(facts: Iterable[TextFacts]) -> list[dict[str, Any]]:
    counts = Counter(w for f in facts for w in f.unread_words)
    return [{"word": w, "count": n} for w, n in counts.most_common(MOST_WORDS)]


def _term(term: Term, forms: dict[int, str]) -> dict[str, Any]:
    return {
        "term": forms.get(term.hash, ""),
        "share": round(term.new, 4),
        "before": round(term.old, 4),
        "g2": round(term.g2, 2),
    }


def _distinct_terms(terms: Iterable[Term], forms: dict[int, str]) -> list[dict[str, Any]]:
    """Terms with their written forms, each form once: of a compound several terms are indexed."""
    found: dict[str, dict[str, Any]] = {}
    for term in terms:
        if form := forms.get(term.hash):
            found.setdefault(form, _term(term, forms))
    return list(found.values())


def _words(terms: Iterable[Term], forms: dict[int, str]) -> list[str]:
    return [t["term"] for t in _distinct_terms(terms, forms)]


def _terms(found: Comparison, forms: dict[int, str]) -> Signal:
    beyond = [t for t in found.terms.terms if t.g2 > found.terms.critical]
    words = _words(beyond, forms)[:5]
    said = f"new terms: {', '.join(words)}" if words else "no single term stands out"
    return Signal(
        "terms",
        max(0.0, found.terms.effect),
        found.terms.test.p,
        said,
        _distinct_terms(found.terms.terms, forms)[:MOST_TERMS],
    )


def _outside(found: Comparison, new: Side) -> Signal:
    import numpy as np

    far = np.argsort(-found.outside.distances, kind="stable")[:MOST_PASSAGES]
    return Signal(
        "outside",
        found.outside.share,
        found.outside.test.p,
        f"{found.outside.share:.1%} of the new passages lie outside of the old ones' regions (chance: 1%)",
        [
            {"distance": round(float(found.outside.distances[i]), 4), **_quoted(new, int(i))}
            for i in far
            if found.outside.distances[i] > found.outside.limit
        ],
    )


def _quoted(side: Side, passage: int) -> dict[str, Any]:
    text = " ".join(side.texts[passage].split())
    return {
        "document": side.ids[passage],
        "text": text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…",
    }


def _subjects(found: Comparison, forms: dict[int, str], new: Side) -> Signal:
    evidence: list[dict[str, Any]] = []
    for subject, terms in zip(found.subjects.subjects, found.subject_terms, strict=True):
        evidence.append(
            {
                "kind": "new" if subject.is_new else "grown",
                "share": round(subject.share, 4),
                "before": round(subject.old_share, 4),
                "documents": round(subject.share * new.documents),
                "sampled": len(subject.members),
                "since": _since(subject, new),
                "words": _words(terms, forms)[:SUBJECT_WORDS],
                "passages": [_quoted(new, new.passages_of(d)[0]) for d in subject.central],
            }
        )
    said = "no new subject"
    if evidence:
        first = evidence[0]
        words = ", ".join(first["words"][:4])
        whose = "new" if first["kind"] == "new" else "growing"
        said = f"a {whose} subject ({words}) has {first['share']:.0%} of the new documents"
        if len(evidence) > 1:
            said += f", and {len(evidence) - 1} more"
    return Signal(
        "subjects", max(0.0, found.subjects.effect), found.subjects.test.p, said, evidence
    )


def _since(subject: Subject, new: Side) -> str | None:
    times = [new.times[new.passages_of(int(d))[0]] for d in subject.members]
    return day(min((t for t in times if t > 0), default=0))


def day(time_ns: int) -> str | None:
    """Day of a time in nanoseconds since 1970, UTC; None for 0."""
    if time_ns <= 0:
        return None
    return datetime.fromtimestamp(time_ns / 1e9, UTC).date().isoformat()


def unread_scripts(signals: Sequence[Signal]) -> list[str]:
    """Scripts that the model cannot read, by the signal on it."""
    for signal in signals:
        if signal.name == "unread" and signal.alarm:
            return list(signal.details["scripts"])
    return []
