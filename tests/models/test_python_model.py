"""py:module:factory: the user's own encoder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import EncodingError, UsageError
from qembed.models import open_model, open_reranker
from qembed.models.python_model import PAIRS_PER_CALL, PythonEncoder, PythonReranker
from tests.documentation import blocks
from tests.models.conftest import Write


def test_what_it_says_of_itself(write: Write) -> None:
    stated = 'name, dim, max_tokens, version, query = "mine", 3, 77, 4, "find {query}"'
    model = open_model(write(stated))
    assert (model.spec, model.name, model.dim) == ("py:mine:factory", "mine", 3)
    assert (model.max_tokens, model.pooling) == (77, "own")
    assert (model.profile.query, model.profile.passage) == ("find {query}", "{text}")
    assert model.warning is None
    assert model.encoder().encode(["a", "b"]).tolist() == [[0, 1, 0]] * 2


def test_what_it_does_not_say(write: Write) -> None:
    model = open_model(write())
    assert (model.name, model.dim, model.max_tokens) == ("py:mine:factory", 3, 512)
    assert model.profile.query == "{query}"
    assert model.tokenizer() is None


def test_without_a_version_its_source_tells_states_apart(write: Write) -> None:
    first = open_model(write()).revision
    assert len(first) == 32
    assert open_model(write()).revision == first
    assert open_model(write("seed = 2")).revision != first


def test_with_a_version_its_source_may_change(write: Write) -> None:
    first = open_model(write('version = "1"')).revision
    assert open_model(write('seed, version = 2, "1"')).revision == first
    assert open_model(write('version = "2"')).revision != first
    # a version, though it is falsy
    assert (
        open_model(write("version = 0")).revision == open_model(write("a, version = 1, 0")).revision
    )


def test_two_factories_of_one_module_are_two_models(write: Write) -> None:
    spec = write('version = "1"')
    Path("mine.py").write_text(Path("mine.py").read_text() + "\nagain = factory\n")
    sys.modules.pop("mine", None)
    one, two = open_model(spec), open_model("py:mine:again")
    assert one.revision != two.revision
    assert open_model(spec).revision == one.revision


def test_two_names_are_two_models(write: Write) -> None:
    revisions = {
        open_model(write(f'name, version = "{name}", "1"')).revision for name in ("a", "b", "a")
    }
    assert len(revisions) == 2


def test_tokens_are_words_and_marks_without_a_tokenizer(write: Write) -> None:
    model = open_model(write())
    assert model.count(["", "a fox, here!", "it's"]) == [2, 7, 5]


def test_its_own_tokenizer_counts(write: Write, bert: Path) -> None:
    path = str(bert / "tokenizer.json")
    loads = f"from tokenizers import Tokenizer; tokenizer = Tokenizer.from_file({path!r})"
    model = open_model(write(loads))
    texts = ["The quick brown fox", "", "火星"]
    assert model.count(texts) == open_model(str(bert)).count(texts)
    assert model.tokenizer() is not None


def test_token_vectors(write: Write) -> None:
    with pytest.raises(UsageError, match="py:mine:factory has no encode_tokens"):
        open_model(write()).token_encoder()
    bag = open_model("py:tests.encoders:bag")
    assert [v.shape for v in bag.token_encoder().encode_tokens(["a fox", "x"])] == [
        (2, 48),
        (1, 48),
    ]


def test_dim(write: Write) -> None:
    assert open_model(write(), dim=3).dim == 3
    with pytest.raises(UsageError, match="--dim 2: py:mine:factory has 3 dimensions"):
        open_model(write(), dim=2)


def test_the_current_folder_is_on_the_path_once(write: Write, tmp_path: Path) -> None:
    for _ in range(3):
        open_model(write())
    assert sys.path.count(str(tmp_path)) == 1


def test_ctrl_c_is_no_failure_of_a_text() -> None:
    class Interrupted:
        def encode(self, texts: object) -> object:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PythonEncoder(Interrupted(), 3, "py:m:f").encode(["a"])


class Gives:
    """An encoder that gives what it is told to, a row a text."""

    dim = 3

    def __init__(self, *rows: list[float]) -> None:
        self.rows = rows

    def encode(self, texts: Sequence[str]) -> object:
        return np.array(self.rows, dtype=np.float64)

    def encode_tokens(self, texts: Sequence[str]) -> object:
        return [np.array(self.rows, dtype=np.float64) for _ in texts]


def encoder(*rows: list[float]) -> PythonEncoder:
    return PythonEncoder(Gives(*rows), 3, "py:m:f")


def test_vectors_are_made_unit_rows() -> None:
    got = encoder([3, 0, 4], [0, -2, 0]).encode(["a", "b"])
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [[0.6, 0, 0.8], [0, -1, 0]], atol=1e-7)
    tiny, huge = encoder([1e-30, 0, 0], [0, 1e30, 0]).encode(["a", "b"])
    assert (tiny.tolist(), huge.tolist()) == ([1, 0, 0], [0, 1, 0])
    tokens = encoder([3, 0, 4], [0, -2, 0]).encode_tokens(["a"])
    np.testing.assert_allclose(tokens[0], [[0.6, 0, 0.8], [0, -1, 0]], atol=1e-7)
    assert encoder().encode([]).shape == (0, 3)


@pytest.mark.parametrize("bad", [[np.nan, 1, 1], [np.inf, 0, 0], [0, 0, 0]])
def test_what_is_no_direction_names_its_text(bad: list[float]) -> None:
    with pytest.raises(EncodingError, match=r"py:m:f gave NaN, infinity or zeros only .* 'second'"):
        encoder([1, 0, 0], bad).encode(["first", "second"])
    with pytest.raises(EncodingError, match="for the text 'first'"):
        encoder([1, 0, 0], bad).encode_tokens(["first"])


def test_arrays_of_another_shape() -> None:
    with pytest.raises(EncodingError, match=r"py:m:f gave an array of shape \(1, 3\) for 2 texts"):
        encoder([1, 0, 0]).encode(["a", "b"])
    with pytest.raises(EncodingError, match="py:m:f gave 2 dimensions, it said it has 3"):
        encoder([1, 0]).encode(["a"])


def test_letters_without_blanks_between_them_count_alone(write: Write) -> None:
    assert open_model(write()).count(["火星是红色的 planet"]) == [9]


class Given:
    """A reranker that gives what it is told to."""

    def __init__(self, scores: object) -> None:
        self.scores = scores

    def score(self, pairs: Sequence[tuple[str, str]]) -> object:
        return self.scores


def test_ones_own_is_held_to_one_number_a_pair() -> None:
    pairs = [("q", "a"), ("q", "b")]
    assert PythonReranker("py:m:f", Given([1, 2.5])).score(pairs).tolist() == [1, 2.5]
    with pytest.raises(EncodingError, match=r"py:m:f gave scores of shape \(2, 1\), not \(2,\)"):
        PythonReranker("py:m:f", Given([[1], [2]])).score(pairs)
    with pytest.raises(EncodingError, match=r"py:m:f gave NaN .* with the passage 'b'"):
        PythonReranker("py:m:f", Given([1, float("nan")])).score(pairs)


def test_ones_own_in_calls_of_bounded_size() -> None:
    calls: list[int] = []

    class Lengths:
        calibrated = True

        def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
            calls.append(len(pairs))
            return np.array([len(p) for _, p in pairs])

    pairs = [("q", "x" * (i % 7)) for i in range(700)]
    seen: list[int] = []
    reranker = PythonReranker("py:m:f", Lengths())
    assert reranker.score(pairs, seen.append).tolist() == [i % 7 for i in range(700)]
    assert calls == seen == [PAIRS_PER_CALL, PAIRS_PER_CALL, 188]
    assert reranker.calibrated
    assert not PythonReranker("py:m:f", Given([])).calibrated


def test_the_documented_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (example,) = [b.text for b in blocks("docs/models.md") if b.name == "example.py"]
    Path("example.py").write_text(example)
    code = [line for line in example.splitlines() if line.strip() and not line.startswith("#")]
    assert len(code) <= 10
    try:
        model = open_model("py:example:Letters")
        vectors = model.encoder().encode(["late parcel", "parcel, late!", "refund"])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
        assert near > 0.99
        assert near > far
        reranker = open_reranker("py:example:Shared", model)
        assert reranker.score([("late parcel", "a late parcel"), ("late", "x")]).tolist() == [2, 0]
    finally:
        sys.modules.pop("example", None)


def test_release_reaches_an_object_that_has_it(write: Write) -> None:
    model = open_model(write("dropped = []\n    def release(self): self.dropped.append(1)"))
    model.release()
    assert sys.modules["mine"].Encoder.dropped == [1]
    assert model.encoder().encode(["a"]).shape == (1, 3)
    open_model(write('release = "2026.11"')).release()
