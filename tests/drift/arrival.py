"""Period in which a subject that arrives in a dated collection is found: by hand.

    python -m tests.drift.arrival INDEX --months 6 --word tensorflow

Goes through time: what came in each period is compared with all that came before it, as a check at the end of
the period would do. Prints the verdict, and of the subjects and terms those with the word.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from qembed.drift.compare import compare
from qembed.drift.signal import adjust
from qembed.drift.verdict import Situation, judge
from qembed.pipeline.drift.document_times import document_times
from qembed.pipeline.drift.evidence import signals_of
from qembed.pipeline.drift.index_side import IndexSides
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.store import Snapshot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("index", type=Path)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--word", required=True)
    given = parser.parse_args()
    with Snapshot.open(given.index) as snapshot:
        loaded = LoadedModel(snapshot.manifest)
        times = document_times(snapshot.catalog)
        sides = IndexSides(snapshot, times, None, loaded.model.tokenizer)
        first, last = (
            datetime.fromtimestamp(t / 1e9, UTC) for t in (times.times.min(), times.times.max())
        )
        month = first.year * 12
        while month <= last.year * 12 + last.month:
            begin, end = (
                int(datetime(m // 12, m % 12 + 1, 1, tzinfo=UTC).timestamp() * 1e9)
                for m in (month, month + given.months)
            )
            day = datetime.fromtimestamp(begin / 1e9, UTC).date()
            month += given.months
            new = (times.times >= begin) & (times.times < end)
            old, now = sides.side(times.times < begin, texts=False), sides.side(new, texts=True)
            situation = Situation(old.documents, old.passages, now.documents, now.passages)
            if situation.lack:
                print(f"{day}  {now.documents:4} new  cannot say: {situation.lack}")
                continue
            signals = adjust(signals_of(compare(old.sample, now.sample), old, now))
            subjects = next(s for s in signals if s.name == "subjects")
            terms = next(s for s in signals if s.name == "terms")
            named = [
                f"{e['kind']} subject {i}, word {e['words'].index(given.word) + 1}, share {e['share']:.2f}, "
                f"before {e['before']:.3f}, since {e['since']}"
                for i, e in enumerate(subjects.evidence, 1)
                if given.word in e["words"]
            ]
            words = [str(e["term"]) for e in terms.evidence]
            rank = words.index(given.word) + 1 if given.word in words and terms.alarm else None
            alarms = [s.name for s in signals if s.alarm]
            count = int(np.sum(new))
            print(
                f"{day}  {count:4} new  {judge(signals, situation).level:8} "
                f"{'; '.join(named) or '-'}  term {rank or '-'}  ({', '.join(alarms)})"
            )


if __name__ == "__main__":
    main()
