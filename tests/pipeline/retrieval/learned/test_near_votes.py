"""Near-equal queries that were voted on: what one call encodes, keeps and finds."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from qembed.feedback.given_events import GivenEvent
from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from qembed.pipeline.feedback.take_records import take_records
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.learned.near_votes import AT_ONCE
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

BAG = "py:tests.encoders:bag"


def index(root: Path, model: str = BAG, *, rebuild: bool = False) -> None:
    source = root.parent / "c.jsonl"
    lines = [{"_id": f"d{i}", "text": f"parcel {i} in yard {i % 7}"} for i in range(60)]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = IndexOptions(paths=(str(source),), recipe=RecipeOptions(model=model), rebuild=rebuild)
    build(root, options)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("index") / ".qembed"
    index(root)
    return root


@pytest.fixture
def root(made: Path) -> Path:
    for path in (made / "feedback").glob("*") if (made / "feedback").exists() else ():
        path.unlink()
    return made


def vote(root: Path, text: str, document: str, action: str = "thumbs_up", at: float = 0.0) -> None:
    """A query of somebody, and the vote on it."""
    at = at or time.time()
    name = f"{text} {document} {action} {at}"
    rows = [
        LoggedQuery(name, text, at, client_id=name),
        Event(f"vote {name}", name, action, at, document, client_id=name),
    ]
    LogStore(root).append([encode_row(row_of(r)) for r in rows])


def asked(root: Path, text: str, **options: object) -> tuple[str, str, int]:
    """(first document, what votes said, texts that were encoded)."""
    with Session(root) as session:
        given = QueryOptions(memory=True, k=3, **options)  # type: ignore[arg-type]
        answer = Retriever(session, given).answer([Query("1", text)])
        count = session.loaded.encoder._instance.texts if session.loaded.encoder else 0  # type: ignore[attr-defined]
    return answer.results[0].hits[0].document, answer.votes.get("1", ""), count


def test_a_near_equal_query_keeps_the_answer(root: Path) -> None:
    vote(root, "Lost parcel in yard", "d41")
    first, said, encoded = asked(root, "parcel lost: yard in")
    assert first == "d41"
    assert said == "first d41 (near-equal 'Lost parcel in yard', cosine 1.000)"
    assert encoded == 2  # the voted one, once
    assert asked(root, "yard lost in parcel")[::2] == ("d41", 1)
    assert asked(root, "lost parcel in yard")[1] == "first d41"  # the query itself
    assert asked(root, "lost parcel in house")[1] == ""
    assert asked(root, "parcel lost in yard", mode="lexical")[1] == ""


def test_votes_on_the_query_itself_go_before_near_equal_ones(root: Path) -> None:
    for at in (1.0, 2.0, 3.0):
        vote(root, "lost parcel yard", "d40", at=at)
        vote(root, "lost parcel yard", "d7", "never", at=at)
    vote(root, "yard parcel lost", "d41")
    first, said, _ = asked(root, "yard parcel lost")
    near = "near-equal 'lost parcel yard', cosine 1.000"
    assert (first, said) == ("d41", f"first d41, d40 ({near}); never d7 ({near})")
    vote(root, "yard parcel lost", "d7", "allow")
    assert "never" not in asked(root, "yard parcel lost")[1]  # this query's word on d7


def test_another_task_has_vectors_of_its_own(root: Path) -> None:
    vote(root, "lost parcel yard", "d41")
    plain, other = {}, {"template": "task words {query}"}
    for options, texts in ((plain, 2), (other, 2), (plain, 1), (other, 1)):
        assert asked(root, "yard parcel lost", **options)[::2] == ("d41", texts)  # type: ignore[arg-type]
    assert len(list((root / "feedback").glob("votes-*.vectors"))) == 2


def test_many_votes_are_encoded_some_at_a_time_the_last_first(root: Path) -> None:
    for n in range(AT_ONCE + 5):
        vote(root, f"lost parcel number{n} yard", f"d{n + 30}", at=float(n + 1))
    last = AT_ONCE + 4
    found = asked(root, f"parcel number{last} yard lost")
    assert found[::2] == (f"d{last + 30}", 1 + AT_ONCE)
    assert asked(root, "parcel number0 yard lost")[::2] == ("d30", 1 + 5)
    assert asked(root, "parcel number0 yard lost")[::2] == ("d30", 1)


def test_many_votes_given_at_once_are_encoded_by_who_adds_them(root: Path) -> None:
    rows = [
        LoggedQuery(f"q{n}", f"lost parcel number{n} yard", float(n + 1))
        for n in range(AT_ONCE + 1)
    ]
    events = [Event(f"e{r.query_id}", r.query_id, "like", r.time, "d5") for r in rows]
    take_records(root, rows, [GivenEvent(e, names_client=True) for e in events])
    assert asked(root, "parcel number0 yard lost")[::2] == ("d5", 1)


def test_what_the_model_refuses_is_near_to_nothing(tmp_path: Path) -> None:
    root = tmp_path / ".qembed"
    index(root, "py:tests.encoders:nan")
    vote(root, "lost parcel yard", "d41")
    vote(root, "poison parcel yard", "d3")
    assert asked(root, "yard parcel lost")[0] == "d41"
    encoded = asked(root, "yard parcel lost")[2]
    assert encoded == 1  # it is not tried again


def test_who_may_not_write_encodes_nothing_anew(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote(root, "lost parcel yard", "d41")
    with monkeypatch.context() as m:
        m.setattr("os.access", lambda *_: False)
        assert asked(root, "yard parcel lost")[1:] == ("", 1)
    assert asked(root, "yard parcel lost")[0] == "d41"
    with monkeypatch.context() as m:
        m.setattr("os.access", lambda *_: False)
        assert asked(root, "yard parcel lost")[::2] == ("d41", 1)


def test_a_changed_model_has_them_made_again(tmp_path: Path) -> None:
    root = tmp_path / ".qembed"
    index(root)
    vote(root, "lost parcel yard", "d41")
    assert asked(root, "yard parcel lost")[0] == "d41"
    before = {p.name for p in (root / "feedback").glob("votes-*.vectors")}
    index(root, "py:tests.encoders:other", rebuild=True)
    asked(root, "lost parcel yard")
    asked(root, "yard parcel lost")
    after = {p.name for p in (root / "feedback").glob("votes-*.vectors")}
    assert len(after - before) == 1


def test_votes_that_cannot_be_read_are_said_not_to_count(root: Path) -> None:
    vote(root, "parcel 7", "d3")
    assert asked(root, "parcel 7")[0] == "d3"
    store = LogStore(root)
    (number,) = store.numbers()
    store.path(number).unlink()
    store.path(number).mkdir()
    try:
        with Session(root) as session:
            options = QueryOptions(memory=True, k=3)
            answer = Retriever(session, options).answer([Query("1", "parcel 7")])
    finally:
        store.path(number).rmdir()
    assert answer.results[0].hits[0].document == "d7"
    assert [w for w in answer.warnings if "votes on queries cannot be read (" in w]
