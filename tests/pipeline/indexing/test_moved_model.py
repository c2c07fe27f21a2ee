"""An index's model in another folder: known by its content, not by where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qembed.models import open_model
from qembed.pipeline.recipe import RecipeOptions, make_recipe, relocated_model
from qembed.store import Manifest
from tests.cli.conftest import Shell
from tests.models import tiny

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    top = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(top / "cache"))
        yield tiny.bert(top / "nobody-knows")


def manifest(folder: Path) -> Manifest:
    return Manifest(make_recipe(open_model(str(folder)), RecipeOptions()), str(folder))


def test_a_copy_is_the_same_model(folder: Path, tmp_path: Path) -> None:
    present = manifest(folder)
    found = relocated_model(present, str(tiny.copy(folder, tmp_path / "copy")))
    assert found is not None
    assert (found.spec, found.revision) == (str(tmp_path / "copy"), present.recipe.revision)


def test_another_content_is_another_model(folder: Path, tmp_path: Path) -> None:
    other = tiny.bert(tmp_path / "nobody-knows", seed=1)
    assert relocated_model(manifest(folder), str(other)) is None


@pytest.mark.parametrize("spec", [None, "", "minilm", "no/such-folder", "py:tests.encoders:bag"])
def test_what_is_no_other_place(folder: Path, spec: str | None) -> None:
    """Nothing is fetched and no code is run to find out."""
    assert relocated_model(manifest(folder), spec) is None
    assert relocated_model(manifest(folder), str(folder)) is None


def test_a_folder_that_was_moved_is_remembered(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing to encode no weights are loaded."""
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")  # an export would be made for the one text
    shell = Shell(tmp_path / "work")
    before, after = (str(tiny.copy(folder, tmp_path / name)) for name in ("before", "after"))
    shell.write("docs/a.md", "it rains in the harbour")
    shell.old()
    assert shell("index", "docs", "--model", before).code == 0
    Path(before).rename(tmp_path / "gone")
    told = (
        f"the index's model is not at {before}, seen from here (qembed index --model PATH follows"
    )
    for command in (["query", "harbour"], ["index", "--verify-content"]):
        done = shell(*command)
        assert (done.code, told in done.err) == (2, True), done.err
    checked = shell("verify").out
    assert told in checked
    assert "or qembed index --model PATH if it has moved, or qembed index --rebuild" in checked
    done = shell("index", "--model", after)
    assert done.code == 0, done.err
    assert f"is at {after} now, it was at {before}" in done.err
    assert shell("status", "--format", "json").json["model"] == after
