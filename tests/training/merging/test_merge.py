"""Merged models: sentence-transformers' own merge is the oracle, the formula another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import ModelUnavailable, StorageError, UsageError
from qembed.models import open_model
from qembed.training.merging.merge import METHODS, Method, merge_models, merge_weights
from tests.models import tiny

Pair = tuple[Path, Path]


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return load_file(str(folder / "model.safetensors"))


def between(models: Pair, share: float, near: Path) -> Path:
    """A fine-tuned copy of the first: its weights moved a little towards the second's."""
    from safetensors.numpy import save_file

    one, other = map(weights, models)
    tiny.copy(models[0], near)
    moved = {k: (v + share * (other[k] - v)).astype(v.dtype) for k, v in one.items()}
    save_file(moved, str(near / "model.safetensors"), metadata={"format": "pt"})
    return near


@pytest.fixture(scope="module")
def near(models: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return between(models, 0.01, tmp_path_factory.mktemp("near") / "model")


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("nearby", [False, True])
def test_equal_to_sentence_transformers(
    models: Pair, near: Path, tmp_path: Path, method: Method, weight: float, nearby: bool
) -> None:
    from sentence_transformers import SentenceTransformer

    first, second = models[0], near if nearby else models[1]
    done = merge_models(str(first), str(second), tmp_path / "out", weight=weight, method=method)
    ours = weights(tmp_path / "out")
    parameters = {"t": weight} if method == "slerp" else {"weight": [1 - weight, weight]}
    merged = SentenceTransformer.merge([str(first), str(second)], method, parameters=parameters)
    theirs = {
        name.removeprefix("0.").removeprefix("model."): value.numpy()
        for name, value in merged.state_dict().items()
    }
    assert theirs.keys() == ours.keys()
    assert done.tensors == len(ours)
    assert (done.straight == done.tensors) == nearby
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], atol=1e-6, err_msg=name)
    if weight in (0.0, 1.0):
        for name, value in weights(second if weight else first).items():
            np.testing.assert_allclose(ours[name], value, atol=1e-7)


def test_the_new_model_works_and_says_where_it_is_from(models: Pair, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    merge_models(str(models[0]), str(models[1]), out, weight=0.25, method="linear")
    made = open_model(str(out))
    vectors = made.encoder().encode(["the quick brown fox", "mars"])
    assert vectors.shape == (2, tiny.WIDTH)
    assert made.revision not in {open_model(str(m)).revision for m in models}
    card = (out / "README.md").read_text()
    assert f"--weight 0.25 --method linear --out {out.name}" in card
    assert open_model(str(models[1])).revision[:12] in card
    assert [p.name for p in out.parent.iterdir()] == ["out"]  # nothing is left beside it


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6),
    st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6),
    st.floats(0, 1),
)
def test_slerp_keeps_to_the_sphere(a: list[float], b: list[float], weight: float) -> None:
    x, y = np.array(a), np.array(b[: len(a)])
    if min(np.linalg.norm(x), np.linalg.norm(y)) < 1e-3:
        return
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    (p, q), straight = merge_weights(x, y, weight, "slerp")
    between = p * x + q * y
    if not straight:  # of unit vectors, with the angle to the first in the same proportion
        assert np.linalg.norm(between) == pytest.approx(1, abs=1e-9)
        whole = np.arccos(np.clip(x @ y, -1, 1))
        assert np.arccos(np.clip(x @ between, -1, 1)) == pytest.approx(weight * whole, abs=1e-6)
    (p, q), _ = merge_weights(x, y, weight, "linear")
    assert (p, q) == (1 - weight, weight)


def test_half_precision_keeps_its_type(models: Pair, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folders = []
    for i, model in enumerate(models):
        half = tiny.copy(model, tmp_path / f"half-{i}")
        tensors = load_file(half / "model.safetensors")
        save_file({k: v.to(torch.bfloat16) for k, v in tensors.items()}, half / "model.safetensors")
        folders.append(half)
    merge_models(str(folders[0]), str(folders[1]), tmp_path / "out", method="linear")
    merged = load_file(tmp_path / "out" / "model.safetensors")
    one, other = (load_file(f / "model.safetensors") for f in folders)
    for name, value in merged.items():
        assert value.dtype == torch.bfloat16
        wanted = ((one[name].double() + other[name].double()) / 2).to(torch.bfloat16)
        assert torch.equal(value, wanted), name


def test_weights_in_several_files(models: Pair, tmp_path: Path) -> None:
    """The files are those of the first, whatever the second's are."""
    from safetensors.numpy import load_file, save_file

    split = tiny.copy(models[0], tmp_path / "split")
    tensors = weights(split)
    (split / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"model-00001-of-00002": names[::2], "model-00002-of-00002": names[1::2]}
    for file, chosen in parts.items():
        save_file({n: tensors[n] for n in chosen}, str(split / f"{file}.safetensors"))
    index = {"weight_map": {n: f"{f}.safetensors" for f, ns in parts.items() for n in ns}}
    (split / "model.safetensors.index.json").write_text(json.dumps(index))
    merge_models(str(split), str(models[1]), tmp_path / "a", weight=0.5)
    merge_models(str(models[0]), str(models[1]), tmp_path / "b", weight=0.5)
    whole = weights(tmp_path / "b")
    found = {
        n: v for f in parts for n, v in load_file(str(tmp_path / "a" / f"{f}.safetensors")).items()
    }
    assert found.keys() == whole.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(found[name], value)
    assert (tmp_path / "a" / "model.safetensors.index.json").is_file()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("py:tests.encoders:bag", "its weights are not here"),
        ("http://localhost:1/v1#m", "its weights are not here"),
        ("nothing-such", "no such model folder"),
    ],
)
def test_models_without_weights(models: Pair, tmp_path: Path, spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        merge_models(str(models[0]), spec, tmp_path / "out")


def test_a_folder_of_an_older_library(models: Pair, tmp_path: Path) -> None:
    """Flags of pooling, a buffer of positions, no defaults written out, a vocabulary beside the tokenizer."""
    from safetensors.numpy import save_file

    old = tiny.copy(models[0], tmp_path / "old")
    config = json.loads((old / "config.json").read_text())
    left_out = {"add_cross_attention", "is_decoder", "tie_word_embeddings", "classifier_dropout"}
    kept = {k: v for k, v in config.items() if k not in left_out}
    (old / "config.json").write_text(json.dumps({**kept, "gradient_checkpointing": False}))
    flags = {"word_embedding_dimension": 48, "pooling_mode_mean_tokens": True}
    (old / "1_Pooling" / "config.json").write_text(
        json.dumps({**flags, "pooling_mode_cls_token": False})
    )
    (old / "vocab.txt").write_text("[UNK]\n")
    positions = np.arange(64, dtype=np.int64)[None]
    save_file(
        {**weights(old), "embeddings.position_ids": positions},
        str(old / "model.safetensors"),
        metadata={"format": "pt"},
    )
    for first, second in ((old, models[1]), (models[1], old)):
        merge_models(str(first), str(second), tmp_path / f"from-{first.name}")
    made = weights(tmp_path / "from-old")
    np.testing.assert_array_equal(made.pop("embeddings.position_ids"), positions)
    merge_models(str(models[0]), str(models[1]), tmp_path / "new")
    for name, value in weights(tmp_path / "new").items():
        np.testing.assert_array_equal(made[name], value)
    open_model(str(tmp_path / "from-old")).encoder().encode(["a text"])
    config["is_decoder"] = True
    (old / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match=r"config.json: is_decoder is True and False"):
        merge_models(str(old), str(models[1]), tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["minilm", "bge-small"])
def test_a_builtin_model_and_its_trained_copy(tmp_path: Path, name: str) -> None:
    """The built-in folders are of 2021 and later, what is trained from them of today."""
    from qembed.training.encoder.encoder_folder import load_trainable

    model, _ = load_trainable(name)
    config, tokenizer = model[0].auto_model.config, model.tokenizer
    config.bos_token_id, config.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    model.save_pretrained(str(tmp_path / "copy"))  # as a trainer leaves it
    for i, (first, second) in enumerate(
        [(name, str(tmp_path / "copy")), (str(tmp_path / "copy"), name)]
    ):
        done = merge_models(first, second, tmp_path / f"out-{i}")
        assert done.straight == done.tensors > 50


def test_a_pooler_that_nothing_reads(models: Pair, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    new = tiny.copy(models[0], tmp_path / "new")
    kept = {k: v for k, v in weights(new).items() if not k.startswith("pooler.")}
    assert len(kept) < len(weights(new))
    save_file(kept, str(new / "model.safetensors"), metadata={"format": "pt"})
    merge_models(str(models[1]), str(new), tmp_path / "a")
    merge_models(str(new), str(models[1]), tmp_path / "b")
    assert weights(tmp_path / "a").keys() == weights(models[1]).keys()
    assert weights(tmp_path / "b").keys() == kept.keys()
    other = {"encoder.more.weight": np.ones(tiny.WIDTH, dtype=np.float32)}
    save_file({**kept, **other}, str(new / "model.safetensors"), metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"hold other tensors: \./encoder\.more\.weight"):
        merge_models(str(new), str(models[1]), tmp_path / "c")


def test_what_cannot_be_merged(models: Pair, tmp_path: Path) -> None:
    first = str(models[0])
    with pytest.raises(UsageError, match="from 0, the first model, to 1"):
        merge_models(first, str(models[1]), tmp_path / "out", weight=1.5)
    other = tiny.copy(models[1], tmp_path / "pooled")
    tiny.change(other, "1_Pooling/config.json", pooling_mode="cls")
    with pytest.raises(UsageError, match=r"1_Pooling/config.json: pooling_mode is"):
        merge_models(first, str(other), tmp_path / "out")
    other = tiny.copy(models[1], tmp_path / "tokens")
    tiny.change(other, "tokenizer.json", normalizer=None)
    with pytest.raises(UsageError, match=r"tokenizer.json: other tokens"):
        merge_models(first, str(other), tmp_path / "out")
    tokens = [["a", -1.5], ["b", -2.25]]
    unigrams = [tiny.copy(models[1], tmp_path / f"unigram-{i}") for i in range(3)]
    for folder, score in zip(unigrams, (-2.25, -2.2500000000000004, -2.26), strict=True):
        vocabulary = [tokens[0], ["b", score]]
        tiny.change(folder, "tokenizer.json", model={"type": "Unigram", "vocab": vocabulary})
    merge_models(str(unigrams[0]), str(unigrams[1]), tmp_path / "last-digits")
    with pytest.raises(UsageError, match=r"tokenizer.json: other tokens"):
        merge_models(str(unigrams[0]), str(unigrams[2]), tmp_path / "out")
    other = tiny.copy(models[1], tmp_path / "cut")
    data = (other / "model.safetensors").read_bytes()
    (other / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelUnavailable, match=r"model.safetensors"):
        merge_models(first, str(other), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="it is there already"):
        merge_models(first, str(models[1]), tmp_path / "out")


def test_torch_is_not_imported(models: Pair, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from qembed.training.merging.merge import merge_models; "
        "merge_models(sys.argv[1], sys.argv[2], Path(sys.argv[3])); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()))"
    )
    args = [sys.executable, "-c", code, *map(str, models), str(tmp_path / "out")]
    done = subprocess.run(args, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_folder_that_cannot_be_written(models: Pair, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write "):
        merge_models(str(models[0]), str(models[1]), tmp_path / "file" / "out")
