"""Pairs of queries, near-equal or not, and the command that lists near-equal ones among given queries.

    python -m tests.feedback.near_equal --index INDEX QUERIES.jsonl …

prints, by halves of the pairs, how many a cosine of .96 of the way from chance to 1 takes for equal, and
those that `nearness` does: whether they are is for the reader to say.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from qembed.evaluation.formats.queries import read_queries
from qembed.feedback.query_groups import normalise_query
from qembed.pipeline.retrieval.learned.nearness import OTHER_WORD, SAME_WORDS, least_share
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

DIFFERENT = [
    ("how to enable dark mode", "how to disable dark mode"),
    ("how do I upload a file", "how do I download a file"),
    ("how to install the app", "how to uninstall the app"),
    ("open an account", "close an account"),
    ("increase the limit", "decrease the limit"),
    ("import contacts", "export contacts"),
    ("lock my card", "unlock my card"),
    ("turn on notifications", "turn off notifications"),
    ("log in problem", "log out problem"),
    ("cancel my order", "change my order"),
    ("track my parcel", "return my parcel"),
    ("when does my parcel arrive", "where does my parcel arrive"),
    ("how to buy shares", "how to sell shares"),
    ("activate my account", "deactivate my account"),
    ("add a user to a group", "remove a user from a group"),
    ("change my email address", "change my postal address"),
    ("refund for a late parcel", "refund for a lost parcel"),
    ("payment declined", "payment pending"),
    ("how do I reset my password", "how do I change my password"),
    ("opening hours on Sunday", "opening hours on Saturday"),
    ("invoice for march", "invoice for may"),
    ("delivery to France", "delivery to Germany"),
    ("printer does not print", "scanner does not scan"),
    ("read a csv file in python", "write a csv file in python"),
    ("mysql connection refused", "postgres connection refused"),
    ("encrypt a string python", "decrypt a string python"),
    ("sort a list ascending python", "sort a list descending python"),
    ("rent a car in Rome", "rent a car in Milan"),
    ("minimum order value", "maximum order value"),
    ("delete a branch locally", "delete a branch remotely"),
    ("start the server", "stop the server"),
    ("subscribe to the newsletter", "unsubscribe from the newsletter"),
    ("size of the red shirt", "size of the blue shirt"),
    ("warranty of the kettle", "warranty of the blender"),
    ("sick leave policy", "parental leave policy"),
    ("flight to London", "flight from London"),
    ("male symptoms of flu", "female symptoms of flu"),
    ("symptoms of the flu in children", "symptoms of the flu in adults"),
    ("does rut cover painting", "does rot cover painting"),
    ("get first element of list python", "get last element of list python"),
]
"""Queries that differ in a word, and ask for something else."""

EQUAL = [
    ("where is my parcel", "where's my package"),
    ("how do I get a refund", "how can I get my money back"),
    ("reset my password", "how to reset password"),
    ("change my email address", "how do I change my e-mail address"),
    ("opening hours on Sunday", "Sunday opening hours"),
    ("cancel my order", "I want to cancel the order"),
    ("invoice missing", "missing invoice"),
    ("how to track a parcel", "tracking a parcel"),
    ("delivery time", "how long does delivery take"),
    ("can I return opened items", "return of opened items"),
    ("card was declined", "my card got declined"),
    ("is a permit needed for a deck", "do I need a permit for a deck"),
    ("warranty of the kettle", "kettle warranty"),
    ("contact support", "how to contact customer support"),
    ("download my invoice", "how can I download an invoice"),
    ("parcel arrived damaged", "damaged parcel arrived"),
    ("how to delete my account", "delete account"),
    ("gift card balance", "balance of my gift card"),
    ("two factor login not working", "2 factor login does not work"),
    ("where is my parcel", "wher is my parcel"),
    ("refund not received", "refund not recieved"),
    ("how to change the password", "how to change the pasword"),
    ("sort a list in python", "python sort list"),
    ("read csv python", "python read csv file"),
    ("how do I pay", "how can I pay"),
    ("payment methods", "which payment methods are there"),
    ("shipping costs", "how much is shipping"),
    ("delete a branch in git", "git delete branch"),
    ("size of queue python", "python queue size"),
    ("are shipping costs refunded", "do you refund shipping costs"),
]
"""Queries that ask the same, some of them in other words."""


def shares(index: Path, texts: list[str]) -> np.ndarray:
    """Cosines of all pairs of texts, in shares of the way from chance to 1, float32 (n, n)."""
    with Session(index) as session:
        retriever = Retriever(session, QueryOptions())
        vectors = retriever.encode(retriever.instructions([Query("", t) for t in texts]))
        background = session.search.background
        assert background is not None, "the index has too few passages"
        unrelated = np.maximum(0, vectors @ background.mean)[:, None]
    found: np.ndarray = (vectors @ vectors.T - unrelated) / (1 - unrelated)
    return found


def main() -> None:
    """Print counts by halves, and the near-equal pairs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("files", nargs="+", type=Path, help="queries")
    given = parser.parse_args()
    for file in given.files:
        queries = read_queries(file, warn=print)
        texts = list({normalise_query(q.text): q.text for q in queries}.values())
        found = shares(given.index, texts)
        alone, equal = [0, 0], [0, 0]
        for i, j in np.argwhere(np.triu(found >= SAME_WORDS, 1)).tolist():
            share = least_share(texts[i], texts[j])
            alone[(i + j) % 2] += found[i, j] >= OTHER_WORD
            if share is not None and found[i, j] >= share:
                equal[(i + j) % 2] += 1
                print(f"{'AB'[(i + j) % 2]} {found[i, j]:.3f} {texts[i]} | {texts[j]}")
        print(f"{file}: {len(texts)} queries, by cosine alone {alone}, near-equal {equal}")


if __name__ == "__main__":
    main()
