"""A refresh that was stopped: complete as long as it has changed nothing."""

from __future__ import annotations

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.progress import Progress
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


def refreshed(shell: Shell, polls: int) -> IndexSummary:
    """A refresh that is stopped at its n-th question whether to stop."""
    stop = iter([False] * polls + [True] * 1000)
    options = IndexOptions(
        batches=BatchPolicy(min_passages=4, max_passages=4), commits=CommitPolicy(rows=4)
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
