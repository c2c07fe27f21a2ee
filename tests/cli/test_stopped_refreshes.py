"""A refresh that was stopped: complete as long as it has changed nothing."""

from __future__ import annotations

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.progress import Progress
from qembed.store import Snapshot
from tests.cli.conftest import Shell

pytestmark = pytest.mark.slow


@pytest.fixture
def complete(shell: Shell) -> Shell:
    """A finished index of forty files, which the next run reads again one by one."""
    for i in range(40):
        shell.write(f"docs/p{i:02}.md", f"page number n{i} of the zebra book\n")
    assert shell("index", "docs").code == 0
    shell("add", "a note")
    return shell


def refreshed(shell: Shell, polls: int, batch: int = 4) -> IndexSummary:
    """A refresh that is stopped at its n-th question whether to stop. `batch`: passages encoded together."""
    stop = iter([False] * polls + [True] * 1000)
    options = IndexOptions(
        batches=BatchPolicy(min_passages=batch, max_passages=batch, texts_per_call=4),
        commits=CommitPolicy(rows=4),
    )
    return build(shell.folder / ".qembed", options, Progress(stop=lambda: next(stop)))


def test_a_refresh_that_was_stopped_before_a_change_leaves_a_complete_index(
    complete: Shell,
) -> None:
    before = complete("status", "--format", "json").json
    assert refreshed(complete, 20).interrupted
    assert complete("query", "n5").err == ""
    after = complete("status", "--format", "json").json
    assert after["refreshed"] == before["refreshed"]
    assert after["unfinished"] is after["half_made"] is False
    assert complete("status", "-q", "--fail-if-stale", "1d").code == 0


def test_a_refresh_that_was_stopped_after_a_change_is_told_as_one(complete: Shell) -> None:
    before = complete("status", "--format", "json").json
    complete.write("docs/a.md", "a page more\n")
    assert refreshed(complete, 30).interrupted
    told = "may lack the latest changes: a run was stopped before its end (qembed index completes"
    for command in (["query", "n5"], ["verify", "--no-model"]):
        done = complete(*command)
        assert done.code == 0
        assert told in done.err
        assert "half made" not in done.err
    after = complete("status", "--format", "json").json
    assert after["documents"] == before["documents"] + 1
    assert after["refreshed"] == before["refreshed"]
    assert after["unfinished"] is True
    assert after["half_made"] is False
    assert complete("status", "-q", "--fail-if-stale", "1d").code == 0
    assert complete("status", "-q", "--fail-if-stale", "0s").code == 3
    assert complete("index").code == 0
    assert complete("query", "n5").err == ""
    assert complete("status", "--format", "json").json["refreshed"] > before["refreshed"]


def records(name: str) -> str:
    return "".join(f'{{"_id": "{name}{i}", "text": "{name} record {i}"}}\n' for i in range(60))


def ids(shell: Shell) -> set[str]:
    with Snapshot.open(shell.folder / ".qembed") as snapshot:
        return {*snapshot.catalog.ids()}


def test_a_stopped_run_asks_nothing_about_records_that_it_has_not_encoded_yet(shell: Shell) -> None:
    """All records get other ids: until the new ones have vectors, the old ones are the index."""
    shell.write("r.jsonl", records("old"))
    assert shell("index", "r.jsonl").code == 0
    old, new = ids(shell), {f"new{i}" for i in range(60)}
    shell.write("r.jsonl", records("new"))
    seen = set()
    for polls in range(58, 80, 3):
        stopped = refreshed(shell, polls, batch=64)
        if not stopped.interrupted:
            break
        found = ids(shell)
        assert old <= found or new <= found
        seen.add(len(found))
        assert stopped.documents["deleted"] == 0 or new <= found
    assert len(seen) > 2, "it was never stopped while it encoded"
    assert shell("index").code == 0
    assert ids(shell) == new
    assert shell("verify", "--no-model").code == 0


def test_a_stopped_run_asks_nothing_about_files_that_it_has_not_read_yet(complete: Shell) -> None:
    """All files are renamed and altered: the new ones, of the same size, may be the old ones."""
    for i in range(40):
        (complete.folder / f"docs/p{i:02}.md").unlink()
        complete.write(f"docs/q{i:02}.md", f"page number m{i} of the zebra book\n")
    for polls in range(1, 50, 6):
        assert refreshed(complete, polls).interrupted
        assert len(ids(complete)) >= 41
    done = complete("index")  # nothing comes in their place: now that is asked
    assert (done.code, "40 of 65 documents would be deleted" in done.err) == (2, True)
    assert complete("index", "--yes").code == 0
    assert len(ids(complete)) == 41
