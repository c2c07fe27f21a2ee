"""The folder of an index: new, empty, or an index, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.errors import IndexDamaged, NoIndex, UsageError
from qembed.store import Writer, manifest
from qembed.store.index_folder import check_index_folder
from tests.store.helpers import make


def tree(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*")}


@pytest.mark.parametrize(
    "names", [["a.md"], ["a.md", "lock"], ["manifest.json", "index.html"], [".gitignore"]]
)
def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(
    tmp_path: Path, names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="is no index, and it holds other files"):
        Writer(tmp_path)
    assert tree(tmp_path) == set(names)


@pytest.mark.parametrize("names", [[], ["lost+found"], [".DS_Store"]])
def test_a_folder_that_users_call_empty_is_taken(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    Writer(tmp_path).close()
    assert (tmp_path / "lock").exists()


def test_a_new_folder_in_a_full_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("mine")
    Writer(tmp_path / ".qembed").close()
    assert (tmp_path / ".qembed" / "lock").exists()


@pytest.mark.parametrize(
    "foreign", ["derived/data.csv", "derived/graph-1.bin", "shards/x.parquet", "shards/k/t"]
)
def test_folders_of_our_names_may_be_anybodys(tmp_path: Path, foreign: str) -> None:
    (tmp_path / "derived").mkdir()
    (tmp_path / foreign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / foreign).write_text("precious")
    with pytest.raises(UsageError, match=r"derived/|shards/"):
        Writer(tmp_path)
    assert (tmp_path / foreign).read_text() == "precious"


def test_other_files_in_an_index_stay_whatever_is_swept(tmp_path: Path) -> None:
    make(tmp_path, {"a": ["one"]})
    mine = [
        "notes.txt",
        "documents.parquet",
        "shards/x.parquet",
        "derived/data.csv",
        "derived/graph-1.bin",
    ]
    left = [
        "documents-00000099.parquet",
        "shards/00000099-0000.parquet",
        "derived/graph-0a-0-00000099.bin.groups",
    ]
    for name in [*mine, *left]:
        (tmp_path / name).write_text("x")
    (tmp_path / "derived" / "lexical-0a-0-00000099").mkdir()
    make(tmp_path, {"b": ["two"]})
    assert set(mine) <= tree(tmp_path)
    assert not {*left, "derived/lexical-0a-0-00000099"} & tree(tmp_path)


def test_an_index_without_its_manifest_is_not_taken_from_beside_other_files(tmp_path: Path) -> None:
    make(tmp_path, {"a": ["one"]})
    (tmp_path / "notes.txt").write_text("mine")
    check_index_folder(tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "first-run").touch()
    with pytest.raises(UsageError, match=r"\(notes.txt\)"):
        check_index_folder(tmp_path)


@pytest.mark.parametrize("text", ['{"name": "An app", "icons": []}', "", "no JSON"])
def test_a_manifest_of_somebody_else_makes_no_damaged_index(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(NoIndex):
        manifest.read(tmp_path)
    (tmp_path / "shards").mkdir()
    with pytest.raises(IndexDamaged):
        manifest.read(tmp_path)
