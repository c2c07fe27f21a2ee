"""`qembed feedback report --against` and `--report`: another setting on the log, and the page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery, ShownHit
from tests.cli.conftest import Shell
from tests.feedback.simulated import examined, position_based

WORDS = ("parcel", "refund", "invoice", "password", "address", "voucher", "garden", "engine")
DEPTH = 6


def records(shell: Shell) -> None:
    """An index in which each word's best answers are those that say it most often."""
    lines = []
    for word in WORDS:
        for n in range(DEPTH):
            text = f"{word} " * (n + 1) + "filler " * (3 * (DEPTH - n))
            lines.append(json.dumps({"_id": f"{word}-{n}", "text": text}) + "\n")
    shell.write("corpus.jsonl", "".join(lines))
    assert shell("index", "corpus.jsonl").code == 0


def best(shell: Shell, word: str, *args: str) -> list[str]:
    done = shell("query", word, "-k", str(DEPTH), "--format", "jsonl", *args)
    return [h["document"] for h in done.lines]


def log(
    shell: Shell,
    orders: dict[str, Sequence[str]],
    wanted: dict[str, str],
    n: int,
    shuffled: bool = False,
) -> None:
    """Sessions that were shown the orders; users look at 1 / rank and click what is wanted.

    `shuffled`: each time in another order, which tells how ranks are looked at.
    """
    rng, users = np.random.default_rng(5), position_based(examined(DEPTH))
    rows: list[LoggedQuery | Event] = []
    for s in range(n):
        word = WORDS[s % len(WORDS)]
        shown = list(rng.permutation(orders[word])) if shuffled else orders[word]
        hits = tuple(ShownHit(d, r) for r, d in enumerate(shown, 1))
        rows.append(LoggedQuery(f"s{s}", word, 1000.0 + s, hits, client_id=f"c{s}"))
        attraction = np.array([0.9 if d == wanted[word] else 0.05 for d in shown])
        rows += [
            Event(f"s{s}-{i}", f"s{s}", "click", 1000.5 + s, shown[i], i + 1)
            for i in np.flatnonzero(users(rng, attraction)).tolist()
        ]
    LogStore(shell.folder / ".qembed").append([encode_row(row_of(r)) for r in rows])


@pytest.mark.slow
def test_an_order_that_has_the_wanted_on_top_is_found_better(shell: Shell) -> None:
    records(shell)
    new = {word: best(shell, word, "--mode", "lexical") for word in WORDS}
    wanted = {word: order[0] for word, order in new.items()}
    log(shell, {word: order[::-1] for word, order in new.items()}, wanted, 800, shuffled=True)
    done = shell("feedback", "report", "--against", "mode=lexical")
    assert done.code == 0, done.err
    assert "by mode=lexical, estimated from 800 answers to 8 queries to persons" in done.out
    assert done.out.endswith("  it would be clicked more\n")
    body = shell("feedback", "report", "--against", "mode=lexical", "--format", "json").json
    found = body["counterfactual"]
    assert found["setting"] == "mode=lexical"
    estimate = found["estimate"]
    assert (estimate["verdict"], estimate["shown"], estimate["answers"]) == ("better", 1.0, 800)
    assert estimate["doubly_robust"]["low"] > 0
    assert estimate["told"] == 1.0
    later = ["--since", "1970-01-01T00:26:40Z"]  # 1600 s
    body = shell("feedback", "report", "--against", "mode=lexical", *later, "--format", "json").json
    assert body["counterfactual"]["estimate"]["answers"] == 200
    assert body["counterfactual"]["propensities"]["answers"] == 600


@pytest.mark.slow
def test_the_logged_order_is_as_good_as_itself(shell: Shell) -> None:
    records(shell)
    orders: dict[str, Sequence[str]] = {word: best(shell, word) for word in WORDS}
    log(shell, orders, {word: order[2] for word, order in orders.items()}, 400)
    body = shell("feedback", "report", "--against", "default", "--format", "json").json
    estimate = body["counterfactual"]["estimate"]
    for name in ("ips", "self_normalised", "doubly_robust"):
        assert estimate[name]["difference"] == pytest.approx(0, abs=1e-9)
    # no document ever moved, and nobody knows how much less lower ranks are looked at
    assert estimate["verdict"] == "unknown"
    done = shell("feedback", "report", "--against", "mode=lexical")
    assert "does not tell how much less lower ranks are looked at" in done.out


def asked(shell: Shell, *args: str, **env: str) -> str:
    done = shell("query", "money", "--log", "--format", "json", *args, **env)
    name = done.json["queries"][0]["logged_as"]
    assert isinstance(name, str)
    return name


def test_filters_and_documents_that_left(docs: Shell) -> None:
    name = asked(docs, "--where", "suffix = '.md'", "-k", "2", "--by", "document")
    assert docs("feedback", "add", name, "--action", "click", "--position", "2").code == 0
    args = ("feedback", "report", "--against", "mode=lexical", "--format", "json")
    found = docs(*args).json["counterfactual"]
    assert (found["estimate"]["answers"], found["estimate"]["clicks"]) == (1, 1)
    assert found["estimate"]["ips"]["low"] is None
    (docs.folder / "docs/parcels.md").unlink()
    assert docs("index").code == 0
    found = docs(*args).json["counterfactual"]
    assert found["left_out"] == {"hashed": 0, "left_corpus": 1}


def test_hashed_texts_cannot_be_asked_again(docs: Shell) -> None:
    asked(docs, QEMBED_LOG="hashed")
    done = docs("feedback", "report", "--against", "mode=lexical")
    assert done.code == 2
    assert "no answer to a person that can be asked again (the log has only hashes" in done.err
    asked(docs)
    done = docs("feedback", "report", "--against", "mode=lexical")
    assert (done.code, "by mode=lexical: no click to estimate by" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--against", "k=3"], "--against: 'k=3' is no option of a setting"),
        (["--since", "2026-01-01"], "--since goes with --against"),
        (["--against", "mode=dense", "--since", "soon"], "--since: 'soon' is no time"),
        (["--against", "mode=dense", "--since", "2096-01-01"], "from --since on"),
        (["--report", "r.pdf"], "a feedback report is written as .html or .json, not r.pdf"),
        (["--report", "none/r.html"], "cannot write none/r.html"),
    ],
)
def test_refusals(docs: Shell, args: list[str], message: str) -> None:
    asked(docs)
    done = docs("feedback", "report", *args)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_the_page(docs: Shell) -> None:
    both = {"interleaved": {"a": "default", "b": "<b>mode=lexical</b>", "teams": "AB"}}
    hits = (ShownHit("parcels.md", 1), ShownHit("refunds.md", 2))
    rows: list[LoggedQuery | Event] = []
    for n in range(12):
        rows.append(
            LoggedQuery(f"q{n}", "money", 1.7e9 + n, hits, client_id=f"c{n}", settings=both)
        )
        rows.append(Event(f"e{n}", f"q{n}", "click", 1.7e9 + n, "refunds.md", 2))
    LogStore(docs.folder / ".qembed").append([encode_row(row_of(r)) for r in rows])
    args = ("--against", "mode=lexical", "--report", "r.html")
    done = docs("feedback", "report", *args)
    assert done.code == 0, done.err
    assert "wrote r.html" in done.err
    page = (docs.folder / "r.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert "&lt;b&gt;mode=lexical&lt;/b&gt;" in page
    assert "<b>mode=lexical</b>" not in page
    for text in ("Experiments", "Had answers been by", "doubly robust", "rank 2", "prefers-color"):
        assert text in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert docs("feedback", "report", "--report", "r.json").code == 0
    body = json.loads((docs.folder / "r.json").read_text())
    assert body["counterfactual"] is None
    words = re.sub(r"</?span[^>]*>", "", page)
    assert f"<dt>model</dt><dd>{body['recipe']['model']}" in words
    generation = body["provenance"]["generation"]
    assert f"<dt>index</dt><dd>.qembed, generation {generation}</dd>" in page
    assert "<dt>date</dt><dd>20" in words
    made = datetime.fromisoformat(body["provenance"]["date"])
    assert timedelta(0) <= datetime.now(UTC) - made < timedelta(hours=1)
