"""Simulated users whose examination of ranks and attraction by documents are known."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qembed.feedback.records import ClientKind, Event, LoggedQuery, ShownHit

if TYPE_CHECKING:
    from qembed.evaluation.tuning.verdict import Gain

Floats = npt.NDArray[np.float64]
Model = Callable[[np.random.Generator, Floats], npt.NDArray[np.bool_]]
"""Attractions of the hits in order -> which are clicked."""


def examined(ranks: int, eta: float = 1.0) -> Floats:
    """Probabilities of examination (1 / rank) ** eta."""
    return (1.0 / np.arange(1, ranks + 1)) ** eta


def position_based(look: Floats) -> Model:
    def clicks(rng: np.random.Generator, attraction: Floats) -> npt.NDArray[np.bool_]:
        n = len(attraction)
        return (rng.random(n) < look[:n]) & (rng.random(n) < attraction)

    return clicks


def cascade(rng: np.random.Generator, attraction: Floats) -> npt.NDArray[np.bool_]:
    """From the top until the first click."""
    clicked = rng.random(len(attraction)) < attraction
    first = np.zeros_like(clicked)
    if clicked.any():
        first[clicked.argmax()] = True
    return first


@dataclass
class Log:
    """Simulated log. `relevant`: documents of a query that are."""

    queries: list[LoggedQuery] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    relevant: dict[str, set[str]] = field(default_factory=dict)

    def agreement(self, pairs: list[tuple[str, str, str]]) -> tuple[int, int]:
        """Right and wrong ones of (query, preferred, rejected), of pairs that differ in relevance."""
        right = wrong = 0
        for query, a, b in pairs:
            good = self.relevant[query]
            right += a in good and b not in good
            wrong += b in good and a not in good
        return right, wrong


def simulate(
    model: Model,
    *,
    sessions: int,
    noise: float,
    seed: int,
    queries: int = 40,
    documents: int = 10,
    relevant: int = 3,
    drift: float = 0.0,
    explore: bool = False,
    blind: bool = False,
    kind: ClientKind = "person",
) -> Log:
    """Sessions of users, each another client, over queries of which some are asked more often.

    `noise`: attraction of what is not relevant; of what is, .9 - noise. `drift`: by how much the order of
    hits changes between sessions. `explore`: neighbours are exchanged half of the time. `blind`: all
    documents attract equally.
    """
    rng = np.random.default_rng(seed)
    log = Log()
    names = [[f"q{q}-d{d}" for d in range(documents)] for q in range(queries)]
    is_relevant = np.zeros((queries, documents), dtype=bool)
    for q in range(queries):
        is_relevant[q, rng.choice(documents, relevant, replace=False)] = True
        log.relevant[f"query {q}"] = {names[q][d] for d in np.flatnonzero(is_relevant[q])}
    quality = is_relevant * 0.7 + rng.normal(0, 1, (queries, documents))
    popularity = rng.dirichlet(np.full(queries, 2.0))
    for s in range(sessions):
        q = int(rng.choice(queries, p=popularity))
        order = np.argsort(-(quality[q] + drift * rng.normal(size=documents)))
        swapped: tuple[int, ...] = ()
        if explore and rng.random() < 0.5:
            i = int(rng.integers(documents - 1))
            order[[i, i + 1]] = order[[i + 1, i]]
            swapped = (i + 1,)
        attraction = np.where(is_relevant[q][order], 0.9 - noise, noise)
        if blind:
            attraction = np.full(documents, 0.4)
        clicked = model(rng, attraction)
        log.queries.append(
            LoggedQuery(
                query_id=f"s{s}",
                text=f"query {q}",
                time=float(s),
                shown=tuple(ShownHit(names[q][d], r) for r, d in enumerate(order, 1)),
                client_id=f"c{s}",
                client_kind=kind,
                settings={"explore": True} if explore else {},
                explored=swapped,
            )
        )
        log.events += [
            Event(
                f"s{s}-{r}", f"s{s}", "click", s + 0.5, names[q][order[r]], r + 1, client_kind=kind
            )
            for r in np.flatnonzero(clicked).tolist()
        ]
    return log


def table(seed: int = 2) -> None:
    """Print the table of docs/feedback.md: how many preferences are right, naive and corrected."""
    from qembed.feedback.preferences import find_preferences

    for name, users in (("look at 1 / rank", position_based(examined(10))), ("cascade", cascade)):
        for noise in (0.05, 0.2, 0.35):
            log = simulate(users, sessions=2000, noise=noise, seed=seed)
            shares = []
            for correct in (False, True):
                found = find_preferences(log.queries, log.events, correct=correct)
                pairs = [(p.query, p.preferred, p.rejected) for p in found.preferences]
                right, wrong = log.agreement(pairs)
                shares.append(right / (right + wrong))
            print(
                f"{name:16} noise {noise:.2f}  skipped {shares[0]:.2f}  corrected {shares[1]:.2f}"
            )


def loop(index: Path, files: list[Path], seeds: int, sessions: int) -> None:
    """Print the table of docs/feedback.md: gains on queries that nobody asked, by users and noise."""
    from tests.feedback import simulated_loop

    pairs = list(zip(files[::2], files[1::2], strict=True))
    collection = simulated_loop.open_collection(index, pairs)
    train, test = len(collection.train), len(collection.test)
    print(f"{train} queries to learn of, {test} others")
    ranks = position_based(examined(10))
    users = [("look at 1 / rank", ranks, False), ("cascade", cascade, False)]
    for name, model, blind in [*users, ("pure position", ranks, True)]:
        for noise in (0.05, 0.2, 0.35)[: 1 if blind else 3]:
            for explore in (True, False):
                for seed in range(seeds):
                    log = simulated_loop.simulate_log(
                        collection,
                        model,
                        noise,
                        sessions=sessions,
                        seed=seed,
                        explore=explore,
                        blind=blind,
                    )
                    naive = simulated_loop.learn(collection, log, correct=False)
                    found = simulated_loop.learn(collection, log)
                    later = {
                        n: f"{a.gain.mean:+.3f} p {a.gain.p:.3f}" for n, a in found.later.items()
                    }
                    how = "exploring" if explore else "as it is"
                    print(
                        f"{name:16} noise {noise:.2f} {how:9} {found.verdict:9} "
                        f"naive {_gain(naive.gain):34} corrected {_gain(found.gain):34} {later}",
                        flush=True,
                    )


def _gain(gain: Gain | None) -> str:
    if gain is None:
        return "nothing learned"
    return f"{gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) p {gain.p:.3f}"


def main() -> None:
    """Without arguments the table of preferences; with an index and files, gains on unseen queries."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--index", type=Path, help="an index of the collection")
    parser.add_argument("files", nargs="*", type=Path, help="queries and judgments in turn")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=2000)
    given = parser.parse_args()
    if given.index is None:
        table()
    else:
        loop(given.index, given.files, given.seeds, given.sessions)


if __name__ == "__main__":
    main()
