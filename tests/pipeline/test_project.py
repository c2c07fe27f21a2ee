"""Project files: where they are found, what they may say, and the messages about what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.errors import UsageError
from qembed.pipeline.project.defaults import option_defaults
from qembed.pipeline.project.keys import KEYS
from qembed.pipeline.project.project_file import find_project

EVERY_KEY = """\
sources = ["docs", "README.md"]
include = "*.md"
exclude = ["drafts/", "old"]
max-file-size = "2M"
model = "./models/mine"
k = 5
where = "lang = 'en'"
log = "hashed"
rerank = "late"

[gates]
queries = "eval/queries.jsonl"
qrels = "eval/qrels.tsv"
baseline = "eval/baseline.json"
fail_under = { "nDCG@10" = 0.7, "RR@10" = 0.5 }
query_floor = "nDCG@10=.1"
max_drop = ["nDCG@10=2%"]
max_drop_significant = "nDCG@10"
common = true
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("QEMBED_MODEL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str, name: str = ".qembed.toml") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


def test_every_key_is_read(folder: Path) -> None:
    write(folder, EVERY_KEY)
    project = find_project()
    assert project is not None
    assert set(project.settings) == set(KEYS)
    assert project.get("sources") == ["docs", "README.md"]
    assert project.get("include") == ["*.md"]
    assert project.get("model") == "models/mine"
    assert project.get("gates.fail_under") == ["nDCG@10=0.7", "RR@10=0.5"]
    assert project.get("gates.max_drop") == ["nDCG@10=2%"]
    lines = EVERY_KEY.splitlines()
    for key, setting in project.settings.items():
        assert setting.line is not None
        written = lines[setting.line - 1].split(" = ")[0].replace("-", "_")
        assert written == key.removeprefix("gates."), key


def test_paths_are_those_of_the_files_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, f'sources = ["docs", "{folder}/more"]\n[gates]\nqrels = "eval/q.tsv"\n')
    (folder / "a/b").mkdir(parents=True)
    monkeypatch.chdir(folder / "a/b")
    project = find_project()
    assert project is not None
    assert project.get("sources") == ["../../docs", f"{folder}/more"]
    assert project.get("gates.qrels") == "../../eval/q.tsv"


def test_the_nearest_file_counts_and_the_own_one_before_the_shared_one(folder: Path) -> None:
    write(folder, "k = 1\n")
    inner = folder / "inner"
    inner.mkdir()
    assert (found := find_project(inner)) is not None
    assert found.get("k") == 1
    write(inner, '[project]\nname = "x"\n', "pyproject.toml")
    assert (found := find_project(inner)) is not None
    assert found.get("k") == 1  # a pyproject.toml without the table is none of ours
    write(inner, '[project]\nname = "x"\n\n[tool.qembed]\nk = 2\n', "pyproject.toml")
    assert (found := find_project(inner)) is not None
    assert (found.get("k"), found.place("k")) == (2, f"{inner}/pyproject.toml:5")
    write(inner, "k = 3\n")
    assert (found := find_project(inner)) is not None
    assert found.get("k") == 3


def test_gates_in_a_pyproject(folder: Path) -> None:
    write(folder, '[tool.qembed.gates]\n"fail-under" = "P@5=.2"\n', "pyproject.toml")
    assert (found := find_project()) is not None
    assert found.settings["gates.fail_under"] == (["P@5=.2"], 2)


def test_no_file_is_no_project(folder: Path) -> None:
    assert find_project(folder / "nowhere") is None or Path("/.qembed.toml").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k = 1\nsource = 'docs'\n", ":2: unknown key source (did you mean sources?)"),
        (
            "[gates]\nfail_over = 'x'\n",
            ":2: unknown key gates.fail_over (did you mean gates.fail_under",
        ),
        ("[gates]\nfoo = 'x'\n", ":2: unknown key gates.foo (known: gates.queries, gates.qrels, "),
        ("fail_under = 'x'\n", ":1: unknown key fail_under (did you mean gates.fail_under?)"),
        ("foo = 'x'\n", ":1: unknown key foo (known: sources, "),
        ("max_file_size = '10Q'\n", ":1: max_file_size: wanted bytes, or a number with K, M or G"),
        ("max_file_size = -1\n", ":1: max_file_size: wanted bytes"),
        ("[query]\nk = 3\n", "unknown key query"),
        ("\nk = 'five'\n", ":2: k: a number from 1 on is wanted"),
        ("k = true\n", ":1: k: a number from 1 on is wanted"),
        ("k = 0\n", ":1: k: a number from 1 on is wanted"),
        ("sources = [1]\n", ":1: sources: a text or a list of texts is wanted"),
        ("[gates]\ncommon = 1\n", ":2: gates.common: true or false is wanted"),
        ("[gates]\nmax_drop = { RR = true }\n", ":2: gates.max_drop: a number is wanted for RR"),
        ("gates = 3\n", ":1: unknown key gates"),
        (
            "k = \n",
            ".qembed.toml:1:5: Invalid value (not TOML: KEY = VALUE is wanted, as in k = 10",
        ),
        ("k = [\n", ".qembed.toml:1: Invalid value"),
        ("k = 1\n[gates]\nqrels = [\n'x',\n", ".qembed.toml:4: "),
        ("\nmodel = 'minilm", ".qembed.toml:2: "),
        ("k", ".qembed.toml:1: "),
        ("k = 1\nk = 2\n", ".qembed.toml:2:6: Cannot overwrite a value"),
    ],
)
def test_mistakes_are_named_with_file_and_line(folder: Path, text: str, message: str) -> None:
    write(folder, text)
    with pytest.raises(UsageError) as told:
        find_project()
    assert str(folder / ".qembed.toml") in str(told.value)
    assert message in str(told.value)


def test_a_file_that_is_no_text(folder: Path) -> None:
    (folder / ".qembed.toml").write_bytes(b"k = '\xff'")
    with pytest.raises(UsageError, match="not UTF-8"):
        find_project()
    (folder / ".qembed.toml").unlink()
    (folder / ".qembed.toml").mkdir()
    with pytest.raises(UsageError, match=r"cannot read .*: it is a folder"):
        find_project()


def test_which_command_takes_what(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, EVERY_KEY)
    project = find_project()
    assert project is not None
    assert set(option_defaults(project, "index", [])) == {
        "include",
        "exclude",
        "max_file_size",
        "model",
    }
    assert set(option_defaults(project, "index", ["--exclude=a", "--max-file-size", "1"])) == {
        "include",
        "model",
    }
    monkeypatch.setenv("QEMBED_MODEL", "other")
    assert "model" not in option_defaults(project, "index", [])
    found = {"where": ["lang = 'en'"], "rerank": "late"}
    assert option_defaults(project, "query", ["x"]) == {"k": 5, **found}
    assert option_defaults(project, "query", ["x", "--rerank=none"]) == {
        "k": 5,
        "where": found["where"],
    }
    assert set(option_defaults(project, "eval", ["--fail-under", "P@5=.1"])) == {
        "where",
        "rerank",
        "queries",
        "qrels",
        "baseline",
        "fail_under",
        "query_floor",
        "max_drop",
        "max_drop_significant",
        "common",
    }
    for own in ("--queries", "--qrels"):
        assert option_defaults(project, "eval", [own, "x"]) == found
    for elsewhere in ("--beir=x", "--run", "--mteb"):
        assert option_defaults(project, "eval", ["--qrels", "x", elsewhere, "x"]) == {}
    assert option_defaults(project, "status", []) == {}


def test_a_byte_order_mark_is_none_of_the_text(folder: Path) -> None:
    for name, text in ((".qembed.toml", "k = 5\n"), ("pyproject.toml", "[tool.qembed]\nk = 5\n")):
        write(folder, f"\ufeff{text}", name)
        project = find_project()
        assert project is not None
        assert project.get("k") == 5
        project.path.unlink()


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    write(folder, "k = 0\nfoo = 1\n\n[gate]\nqrels = 1\n")
    with pytest.raises(UsageError) as told:
        find_project()
    first, *lines = str(told.value).splitlines()
    file = folder / ".qembed.toml"
    assert first == f"3 mistakes in {file}:"
    assert [line.split(" ")[2] for line in lines] == [f"{file}:{n}:" for n in (1, 2, 4)]


@pytest.mark.parametrize(
    "text",
    [
        "[tool]\nqembed = { k = 7 }\n",
        "tool.qembed.k = 7\n",
        "[ tool . qembed ]\nk = 7\n",
        '[tool."qembed"]\nk = 7\n',
        "[tool]\nqembed.k = 7\n",
    ],
)
def test_the_table_is_found_in_any_spelling_of_toml(folder: Path, text: str) -> None:
    write(folder, text, "pyproject.toml")
    project = find_project()
    assert project is not None
    assert project.get("k") == 7


def test_a_pyproject_without_the_table_is_passed_by(folder: Path) -> None:
    write(folder, "k = 4\n")
    for text in ('[project.scripts]\nqembed = "a:b"\n', "[tool.ruff\nbroken\n", "\udce9"):
        inner = folder / "inner"
        inner.mkdir(exist_ok=True)
        (inner / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
        project = find_project(inner)
        assert project is not None
        assert project.get("k") == 4


def test_a_table_beside_the_own_file_is_named(folder: Path) -> None:
    own = write(folder, "k = 4\n")
    for text, unused in (
        ("[tool.qembed]\nk = 5\n", True),
        ("[tool]\nqembed = 3\n", True),
        ("[tool.ruff]\n", False),
        ("[tool]\nruff = 3\n", False),
        ("[tool.qembed\n", False),
    ):
        write(folder, text, "pyproject.toml")
        project = find_project()
        assert project is not None
        assert project.path == own
        assert (project.unused is not None, bool(project.unused_line)) == (unused, unused), text


def test_a_value_that_is_no_table_is_a_mistake(folder: Path) -> None:
    for text, line in (("[tool]\nqembed = 3\n", 2), ("\n[[tool.qembed]]\nk = 1\n", 2)):
        file = write(folder, text, "pyproject.toml")
        with pytest.raises(UsageError) as told:
            find_project()
        assert str(told.value) == (
            f"{file}:{line}: tool.qembed: a table is wanted, as in [tool.qembed]"
        )
    write(folder, "tool = 3\n", "pyproject.toml")
    assert find_project() is None
