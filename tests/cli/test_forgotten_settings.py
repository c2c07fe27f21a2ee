"""Settings of a source that a run does not repeat: what is forgotten, and what comes in by that, is named."""

from __future__ import annotations

import pytest

from qembed.pipeline.indexing.deletion.let_in import dropped_settings
from qembed.store import Source
from tests.cli.conftest import BAG, Shell

AGAIN = "(give them again to keep them)"


def test_what_a_source_has_no_more() -> None:
    old = Source(
        "d", exclude=("a", "b"), meta={"team": "hr", "n": 1}, encoding="cp1252", hidden=True
    )
    assert dropped_settings(old, old) == {}
    assert dropped_settings(old, Source("d")) == {
        "exclude": ("a", "b"), "meta": {"team": "hr", "n": 1}, "encoding": "cp1252", "hidden": True,
    }  # fmt: skip
    new = Source("d", exclude=("b", "c"), meta={"team": "it"}, encoding="latin-1", hidden=True)
    assert dropped_settings(old, new) == {"exclude": ("a",), "meta": {"n": 1}}
    assert dropped_settings(Source("d"), old) == {}


@pytest.fixture
def drafts(shell: Shell) -> Shell:
    """A folder whose drafts, three records, are left out."""
    shell.write("d/a.md", "public text")
    shell.write(
        "d/drafts/s.jsonl", "".join(f'{{"_id": "s{n}", "text": "salary {n}"}}\n' for n in range(3))
    )
    shell.old()
    done = shell("index", "d", "--exclude", "drafts/", "--meta", "team=hr")
    assert (done.code, done.out.split(" · ")[0]) == (0, "1 added"), done.err
    return shell


def test_with_path_what_is_not_given_is_forgotten(drafts: Shell) -> None:
    again = ("index", "d", "--exclude", "drafts/", "--meta", "team=hr")
    assert "no longer" not in drafts(*again).err
    run = ("index", "d", "--meta", "year=2026")
    line = (
        "qembed: d: no longer excluded: drafts/; no longer set: --meta team=hr; {} in by that {}\n"
    )
    assert line.format("1 file would come", AGAIN) in drafts(*run, "-q", "--dry-run").err
    words = ["--exclude", "drafts/", "--meta", "team=hr"]
    forgotten = {"source": "d", "options": words, "files": 1, "documents": None}
    dry = drafts(*run, "--dry-run", "--format", "json")
    assert dry.json["forgotten"] == [forgotten]
    done = drafts(*run, "-q", "--format", "json")
    assert done.err == line.format("3 documents came", AGAIN)
    assert done.json["forgotten"] == [{**forgotten, "documents": 3}]
    assert "no longer" not in drafts(*run).err + drafts("index").err


def test_without_path_options_of_one_kind_are_replaced(drafts: Shell) -> None:
    drafts.write("d/page01.md", "one page")
    drafts.write("d/x.tmp", "none")
    assert drafts("index", "--exclude", "page0*", "--exclude", "drafts/", "-q").err == ""
    done = drafts("index", "--exclude", "*.tmp", "-q")
    assert done.err == (
        f"qembed: d: no longer excluded: 'page0*' drafts/; 4 documents came in by that {AGAIN}\n"
    )
    hits = drafts("query", "salary", "--where", "team='hr'", "--format", "paths")
    assert hits.out.count("\n") == 3  # those of other kinds stay


def test_what_lets_nothing_in_is_no_problem(drafts: Shell) -> None:
    run = ("index", "d", "--exclude", "drafts/*")
    assert drafts(*run, "-q", "--dry-run").err == ""
    assert drafts(*run).err == (
        f"qembed: d: no longer excluded: drafts/; no longer set: --meta team=hr {AGAIN}\n"
    )


def test_a_rebuild_forgets_as_well(drafts: Shell) -> None:
    done = drafts("index", "d", "--rebuild", "-q")
    assert (
        "no longer excluded: drafts/; no longer set: --meta team=hr; 3 documents came" in done.err
    )
    assert "no longer" not in drafts("index", "--rebuild").err


def test_what_the_project_file_sets_no_more(shell: Shell) -> None:
    shell.write("docs/a.md", "public text")
    shell.write("docs/drafts/s.md", "salary secret")
    shell.write(".qembed.toml", 'sources = ["docs"]\nexclude = ["drafts/"]\n')
    assert shell("index").code == 0
    shell.write(".qembed.toml", 'sources = ["docs"]\n')
    assert (
        "docs: no longer excluded: drafts/; 1 document came in by that" in shell("index", "-q").err
    )


def test_an_option_beside_the_project_files_holds_for_one_run(shell: Shell) -> None:
    for name in ("a", "b", "c", "drafts/s"):
        shell.write(f"docs/{name}.md", f"text of {name}")
    file = shell.write(".qembed.toml", 'sources = ["docs"]\nexclude = ["drafts/"]\n')
    assert shell("index").code == 0
    once = shell("index", "docs", "--exclude", "a.md")
    assert f"--exclude holds for this run: the next one without it takes {file}:2\n" in once.err
    assert "remembered" not in once.err
    again = shell("index")
    assert again.out.startswith("1 added, 1 deleted (filtered by --exclude 'drafts/')"), again.out
    assert (
        f"docs: no longer excluded: a.md; 1 document came in by that (--exclude is from {file}:2)"
        in (again.err)
    )
    assert (
        "holds for this run" not in shell("index", "--exclude", "drafts/").err
    )  # it says the same
    # an option that the file does not have is remembered beside it
    kept = shell("index", "docs", "--include", "*b.md", "--yes")
    assert "--include will be remembered: qembed index docs without it brings" in kept.err
    assert "1 unchanged" in shell("index").out


def test_a_model_beside_the_project_files_is_told(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    file = shell.write(".qembed.toml", 'sources = ["docs"]\nmodel = "minilm"\n')
    said = f"without it the next run wants minilm ({file}:2), and is refused\n"
    done = shell("index", "--model", BAG)
    assert done.code == 0
    assert f"qembed: warning: --model {BAG}: {said}" in done.err
    assert shell("index", QEMBED_MODEL="").code == 2
    assert f"warning: QEMBED_MODEL={BAG}: {said}" in shell("index", QEMBED_MODEL=BAG).err
    shell.write(".qembed.toml", f'sources = ["docs"]\nmodel = "{BAG}"\n')
    assert "refused" not in shell("index", "--model", BAG).err
