"""Which model a spec means, and what is known of it before its weights are loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qembed.errors import ModelUnavailable, UsageError
from qembed.models import open_model
from qembed.models.spec import parse_spec
from tests.models import tiny
from tests.models.tiny import POSITIONS, WIDTH

HEAVY = ("torch", "transformers", "sentence_transformers", "tokenizers")


# ── cheaply ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "extra", ["", ".batching", ".torch_encoder", ".builtin.source", ".python_model"]
)
@pytest.mark.slow
def test_importing_the_room_is_cheap(python: Callable[[str], str], extra: str) -> None:
    program = f"import sys, qembed.models{extra}; print([m for m in {(*HEAVY, 'numpy')} if m in sys.modules])"
    assert python(program) == "[]\n"


OPENS = f"""
import sys
from qembed.models import open_model
model = open_model("minilm")
assert len(model.revision) == 64
assert model.tokenizer().encode("fox").tokens == ["[CLS]", "fox", "[SEP]"]
assert model.count(["fox", "fox " * 999]) == [3, 1001]
print([m for m in {HEAVY[:3]} if m in sys.modules])
"""


def test_opening_counting_and_hashing_need_no_torch(python: Callable[[str], str]) -> None:
    assert python(OPENS) == "[]\n"


# ── forms ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "kind", "name", "revision", "bound"),
    [
        ("minilm", "builtin", "all-MiniLM-L6-v2", None, False),
        ("bge-small", "builtin", "bge-small-en-v1.5", None, False),
        ("multilingual", "builtin", "multilingual-e5-small", None, False),
        ("minilm-l12", "builtin", "ms-marco-MiniLM-L12-v2", None, False),
        ("late", "late", "late", None, False),
        ("./models/mine", "folder", "mine", None, True),
        ("org/name", "hub", "org/name", None, True),
        ("org/name@v2", "hub", "org/name", "v2", True),
        ("there/is", "folder", "is", None, True),
        ("py:mine:factory", "python", "py:mine:factory", None, True),
        ("http://localhost:7997/v1#bge-m3", "endpoint", "bge-m3", None, False),
        ("https://h/v1#Qwen/Qwen3&tokenizer=./q", "endpoint", "Qwen/Qwen3", None, False),
        ("http://localhost:7997/v1", "endpoint", "", None, False),
        ("./nowhere", "unknown", "./nowhere", None, True),
        ("/no/such/folder", "unknown", "/no/such/folder", None, False),
        ("", "unknown", "", None, False),
    ],
)
def test_forms_of_a_spec(
    text: str,
    kind: str,
    name: str,
    revision: str | None,
    bound: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("models/mine", "there/is", "minilm", "late"):
        (tmp_path / folder).mkdir(parents=True)
    parsed = parse_spec(text)
    assert (parsed.text, parsed.kind, parsed.name, parsed.revision) == (text, kind, name, revision)
    assert parsed.path == (tmp_path / text if kind == "folder" else None)
    assert parsed.is_folder_bound == bound


# ── what the files say ───────────────────────────────────────────────────────────────────────────


def test_a_folder_nobody_knows(bert: Path) -> None:
    model = open_model(str(bert))
    assert (model.spec, model.name) == (str(bert), "nobody-knows")
    assert (model.dim, model.pooling, model.max_tokens) == (WIDTH, "mean", POSITIONS)
    assert model.warning is not None
    assert "nobody-knows: no profile" in model.warning


def test_a_snapshot_of_the_hubs_cache_has_the_models_name(bert: Path, tmp_path: Path) -> None:
    top = tmp_path / "models--BAAI--bge-small-en-v1.5" / "snapshots"
    top.mkdir(parents=True)
    model = open_model(str(tiny.copy(bert, top / "5c38ec7c405e")))
    assert (model.name, model.profile.name) == ("bge-small-en-v1.5", "bge-en")
    assert (model.pooling, model.warning) == ("cls", None)


def test_own_prompts_are_no_reason_to_warn(bert: Path, tmp_path: Path) -> None:
    folder = tiny.copy(bert, tmp_path / "mine")
    tiny.change(folder, "config_sentence_transformers.json", prompts={"query": "Q: "})
    model = open_model(str(folder))
    assert (model.profile.query, model.warning) == ("Q: {query}", None)


@pytest.mark.parametrize(
    ("flags", "pooling", "times"),
    [
        (["cls_token"], "cls", 1),
        (["mean_tokens"], "mean", 1),
        (["lasttoken"], "lasttoken", 1),
        (["max_tokens"], "max", 1),
        (["cls_token", "mean_tokens"], "cls+mean", 2),
    ],
)
def test_pooling_of_older_folders(
    bert: Path, tmp_path: Path, flags: list[str], pooling: str, times: int
) -> None:
    model = open_model(str(tiny.with_modules(tiny.copy(bert, tmp_path / "m"), *flags)))
    assert (model.pooling, model.dim) == (pooling, WIDTH * times)


@pytest.mark.parametrize("mode", ["cls", "mean", "lasttoken", ["cls", "mean"]])
def test_pooling_of_newer_folders(bert: Path, tmp_path: Path, mode: str | list[str]) -> None:
    folder = tiny.with_modules(tiny.copy(bert, tmp_path / "m"))
    (folder / "1_Pooling/config.json").unlink()
    tiny.change(folder, "1_Pooling/config.json", pooling_mode=mode, include_prompt=True)
    model = open_model(str(folder))
    assert model.pooling == (mode if isinstance(mode, str) else "cls+mean")
    assert model.dim == (WIDTH if isinstance(mode, str) else 2 * WIDTH)


def test_the_last_dense_layer_says_how_wide(bert: Path, tmp_path: Path) -> None:
    folder = tiny.with_modules(tiny.copy(bert, tmp_path / "m"), "mean_tokens")
    listed = json.loads((folder / "modules.json").read_text())
    for at, width in ((2, 16), (3, 24)):
        listed.insert(at, {"idx": at, "path": f"{at}_Dense", "type": f"{tiny.CONFIG}Dense"})
        tiny.change(folder, f"{at}_Dense/config.json", in_features=WIDTH, out_features=width)
        (folder / f"{at}_Dense" / "model.safetensors").touch()
    (folder / "modules.json").write_text(json.dumps(listed))
    assert open_model(str(folder)).dim == 24


@pytest.mark.parametrize(
    ("own", "tokenizer", "positions", "expected"),
    [
        (12, 32, 64, 12),
        (32, 12, 64, 32),
        (128, None, 64, 64),
        (None, 32, 64, 32),
        (None, 128, 64, 64),
        (None, 10**30, 64, 64),
        (None, 1000000000000000019884624838656, None, 512),
        (None, None, None, 512),
        (16, None, None, 16),
    ],
)
def test_max_tokens(
    bert: Path,
    tmp_path: Path,
    own: int | None,
    tokenizer: int | None,
    positions: int | None,
    expected: int,
) -> None:
    folder = tiny.copy(bert, tmp_path / "m")
    tiny.change(folder, "sentence_bert_config.json", max_seq_length=own)
    tiny.change(folder, "tokenizer_config.json", model_max_length=tokenizer)
    tiny.change(folder, "config.json", max_position_embeddings=positions)
    assert open_model(str(folder)).max_tokens == expected


def test_the_tokenizer_neither_cuts_nor_pads(bert: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    folder = tiny.copy(bert, tmp_path / "m")
    own = Tokenizer.from_file(str(folder / "tokenizer.json"))
    own.enable_truncation(8)
    own.enable_padding(length=8)
    own.save(str(folder / "tokenizer.json"))
    model = open_model(str(folder))
    assert model.count(["fox", "fox " * 50]) == [3, 52]
    assert len(model.tokenizer().encode("fox " * 50).ids) == 52


def test_a_vocabulary_without_tokenizer_json(bert: Path, tmp_path: Path) -> None:
    folder = tiny.copy(bert, tmp_path / "m")
    texts = ["fox", "The quick brown fox", "火星", ""]
    expected = open_model(str(folder)).count(texts)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    (folder / "tokenizer.json").unlink()
    model = open_model(str(folder), device="cpu")
    assert model.count(texts) == expected
    assert [len(v) for v in model.token_encoder().encode_tokens(texts)] == expected


# ── --dim ────────────────────────────────────────────────────────────────────────────────────────


def test_dim(bert: Path, qwen: dict[str, Path]) -> None:
    for dim in (None, WIDTH):
        assert open_model(str(bert), dim=dim).dim == WIDTH
    for dim in (32, 33, WIDTH):
        assert open_model(str(qwen["left"]), dim=dim).dim == dim


@pytest.mark.parametrize("dim", [31, WIDTH + 1, 0, -32])
def test_dim_outside_of_what_it_was_trained_for(qwen: dict[str, Path], dim: int) -> None:
    wanted = f"--dim {dim}: Qwen3-Embedding-0.6B can be cut to 32 to {WIDTH} dimensions"
    with pytest.raises(UsageError, match=wanted):
        open_model(str(qwen["left"]), dim=dim)


@pytest.mark.parametrize("dim", [0, 32, WIDTH * 2])
def test_dim_of_a_model_that_was_not_trained_for_it(bert: Path, dim: int) -> None:
    with pytest.raises(
        UsageError, match=f"--dim {dim}: nobody-knows was not trained to be cut; it"
    ):
        open_model(str(bert), dim=dim)


# ── no ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", r"config\.json is missing"),
        ("model.safetensors", "no weights in safetensors form"),
        ("tokenizer.json", r"no tokenizer \(tokenizer\.json is missing\)"),
    ],
)
def test_a_folder_with_a_file_missing(bert: Path, tmp_path: Path, name: str, message: str) -> None:
    folder = tiny.copy(bert, tmp_path / "m")
    (folder / name).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(ModelUnavailable, match=message):
        open_model(str(folder))


@pytest.mark.parametrize("name", ["config.json", "modules.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", ["{", "\xff"])
def test_a_folder_with_a_broken_file(bert: Path, tmp_path: Path, name: str, text: str) -> None:
    folder = tiny.copy(bert, tmp_path / "m")
    (folder / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelUnavailable, match=name):
        open_model(str(folder))


@pytest.mark.parametrize("text", ["[{}]", "[1]", '{"items": [null]}'])
def test_modules_that_are_none(bert: Path, tmp_path: Path, text: str) -> None:
    folder = tiny.copy(bert, tmp_path / "m")
    (folder / "modules.json").write_text(text)
    with pytest.raises(ModelUnavailable, match="a list of modules with type and path is wanted"):
        open_model(str(folder))


def test_a_broken_tokenizer(bert: Path, tmp_path: Path) -> None:
    folder = tiny.copy(bert, tmp_path / "m")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match=r"m/tokenizer\.json: "):
        open_model(str(folder)).count(["fox"])


def test_a_width_nobody_knows(bert: Path, tmp_path: Path) -> None:
    folder = tiny.change(tiny.copy(bert, tmp_path / "m"), "config.json", hidden_size="wide")
    with pytest.raises(ModelUnavailable, match="does not say how wide the vectors are"):
        open_model(str(folder))


def test_a_hub_id_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(ModelUnavailable) as caught:
        open_model("nobody/no-such-model")
    assert str(caught.value).startswith("nobody/no-such-model is not in the local hub cache")
    assert "hf download nobody/no-such-model" in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "nope",
        "./nowhere",
        "../nowhere",
        "~/no/such",
        "/no/such/folder",
        "a/b/c",
        "-x/y",
        "org/name\n",
    ],
)
def test_nonsense_names_the_forms(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_model(spec)
    forms = (
        "minilm, bge-small, multilingual, a folder, a hub id such as BAAI/bge-base-en-v1.5, "
        "http(s)://host:port/v1#model, or py:module:factory"
    )
    assert str(caught.value) == f"{spec!r} is no model: no such folder, and not {forms}"


@pytest.mark.parametrize("spec", ["some--org/name", "org/name.git", "org/na..me"])
def test_names_the_hub_does_not_allow(spec: str) -> None:
    with pytest.raises(UsageError, match="is no hub id"):
        open_model(spec)
