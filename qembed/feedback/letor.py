"""Log as learning-to-rank data: LETOR's form of SVMlight, a line for each document that was shown.

    2 qid:1 1:0.71 2:0.5 # {"query_id":"3f0c…","id":"refunds.md"}

Grades are those of `preferences.signals`: 0 shown without a use, a bounce or a vote against, 1 clicked,
2 used, 3 voted for. Features: 1 the score, 2 the reciprocal of the rank. An answer on which nothing was done
says nothing, and is left out. Grades are not corrected for position.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from qembed.feedback.preferences.options import PreferenceOptions
from qembed.feedback.preferences.signals import Grade, read_signals
from qembed.feedback.records import Event, LoggedQuery


def letor_lines(
    queries: Iterable[LoggedQuery], events: Mapping[str, Sequence[Event]], first_qid: int = 1
) -> Iterator[str]:
    """Lines, without their ends, of the queries that have a signal. `events`: by query id, in order of time.

    Each document stands once, at its first rank; one that was acted on and not shown has no features.
    """
    qid = first_qid
    options = PreferenceOptions()
    for q in queries:
        signals = read_signals(events.get(q.query_id, ()), options)
        if not signals:
            continue
        hits = {h.id: h for h in reversed(q.shown)}
        for name in dict.fromkeys([*(h.id for h in q.shown), *sorted(signals)]):
            grade = max(Grade.BOUNCE, signals[name].grade) if name in signals else Grade.BOUNCE
            features = []
            if (hit := hits.get(name)) is not None:
                score = [] if hit.score is None else [f"1:{hit.score:g}"]
                features = [*score, f"2:{1 / hit.rank:.6g}"]
            about = json.dumps({"query_id": q.query_id, "id": name}, separators=(",", ":"))
            yield " ".join([f"{int(grade)} qid:{qid}", *features, f"# {about}"])
        qid += 1
