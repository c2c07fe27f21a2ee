"""Every command on the documents of a half-made index says so, and names the command that completes it."""

from __future__ import annotations

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from tests.cli.conftest import BAG, Shell


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An index by the name of `half`, of a first run that was stopped before its end."""
    folder = tmp_path_factory.mktemp("half") / "work"
    folder.mkdir()
    made = Shell(folder)
    for i in range(40):
        made.write(f"docs/p{i:02}.md", f"page number n{i} of the zebra book\n")
    made.old()
    stop = iter([False] * 70 + [True] * 1000)
    options = IndexOptions(
        paths=[str(folder / "docs")],
        recipe=RecipeOptions(BAG),
        batches=BatchPolicy(min_passages=4, max_passages=4),
        commits=CommitPolicy(rows=4),
    )
    assert build(folder / "half", options, Progress(stop=lambda: next(stop))).interrupted
    return made


@pytest.mark.parametrize(
    "command",
    [
        ["similar", "p05.md"],
        ["duplicates"],
        ["map"],
        ["export", "jsonl", "p.jsonl"],
        ["export", "beir", "beir"],
    ],
)
@pytest.mark.slow
def test_every_command_on_the_documents_says_so(half: Shell, command: list[str]) -> None:
    done = half(*command, "--index", "half", "--format", "json")
    assert done.code == 0, done.err
    (said,) = (w for w in done.json["warnings"] if "the index is half made" in w)
    assert said.endswith("(qembed index --index half completes it)")
    assert done.err.count(f"warning: {said}\n") == 1


def test_starter_files_and_pages_say_so(half: Shell) -> None:
    assert "the index is half made" in half("eval", "init", "--index", "half", "--force").err
    assert half("map", "--index", "half", "--out", "m.html").code == 0
    assert "the index is half made" in (half.folder / "m.html").read_text()


def test_reports_and_several_indexes_name_the_command_of_theirs(half: Shell) -> None:
    wanted = "qembed index --index half completes it"
    half.write("other/a.md", "another zebra\n")
    assert half("index", "other", "--index", "more").code == 0
    done = half("query", "zebra", "--index", "half", "--index", "more", "--format", "json")
    assert [w for w in done.json["warnings"] if wanted in w] == done.json["warnings"]
    assert wanted in done.err
    half.write("q.jsonl", '{"_id": "q1", "text": "page n5"}\n')
    half.write("r.tsv", "query-id\tcorpus-id\tscore\nq1\tp05.md\t1\n")
    files = ["--queries", "q.jsonl", "--qrels", "r.tsv", "--report", "r.json", "--report", "r.md"]
    done = half("eval", *files, "--index", "half")
    assert done.code == 0, done.err
    for name in ("r.json", "r.md"):
        assert wanted in (half.folder / name).read_text()
    assert done.err.count(wanted) == 1
