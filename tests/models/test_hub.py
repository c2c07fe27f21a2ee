"""Snapshots of the hub's cache, whole and in part, without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.errors import ModelUnavailable
from qembed.models import open_model
from qembed.models.hub import missing
from tests.models import tiny

pytestmark = pytest.mark.slow

COMMIT = "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a"


@pytest.fixture
def snapshot(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole model as the hub client lays it out, under the name some/model."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    top = tmp_path / "models--some--model"
    (top / "refs").mkdir(parents=True)
    (top / "refs/main").write_text(COMMIT)
    (top / "snapshots").mkdir()
    return tiny.copy(bert, top / "snapshots" / COMMIT)


def test_a_whole_one_is_taken(snapshot: Path) -> None:
    model = open_model("some/model")
    assert model.name == "some/model"
    assert len(model.count(["fox"])) == 1


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("model.safetensors", r"its weights \(\*\.safetensors\)"),
        ("config.json", r"config\.json"),
    ],
)
@pytest.mark.parametrize("how", ["absent", "dangling"])
def test_one_in_part_says_what_it_lacks(snapshot: Path, name: str, what: str, how: str) -> None:
    (snapshot / name).unlink()
    if how == "dangling":
        (snapshot / name).symlink_to(snapshot / "../../blobs/0123.incomplete")
    wanted = f"some/model is in the local hub cache only in part \\({what} is missing from "
    with pytest.raises(ModelUnavailable, match=wanted) as caught:
        open_model("some/model")
    assert "hf download some/model" in str(caught.value)


def test_every_part_of_the_weights_is_wanted(snapshot: Path) -> None:
    parts = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    (snapshot / "model.safetensors").rename(snapshot / parts[0])
    index = {"weight_map": {"a": parts[0], "b": parts[1], "c": parts[1]}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    assert missing(snapshot) == parts[1]
    with pytest.raises(ModelUnavailable, match=rf"only in part \({parts[1]} is missing"):
        open_model("some/model")
    (snapshot / parts[1]).write_bytes(b"")
    assert missing(snapshot) is None
    (snapshot / "model.safetensors.index.json").write_text("{}")
    assert missing(snapshot) == "model.safetensors.index.json"
