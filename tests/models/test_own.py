"""py:module:factory: the user's own encoder."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import ModelUnavailable, UsageError
from qembed.models import open_model

Write = Callable[[str], str]

ENCODER = """
import numpy as np

class Encoder:
    {attributes}
    def encode(self, texts):
        return np.tile(np.array([[0, 1, 0]], dtype=np.float32), (len(texts), 1))

def factory():
    return Encoder()

other = 3

def empty():
    return object()
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes mine.py into the current folder; gives the spec."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def to(attributes: str = "pass") -> str:
        (tmp_path / "mine.py").write_text(ENCODER.format(attributes=attributes))
        sys.modules.pop("mine", None)
        importlib.invalidate_caches()
        return "py:mine:factory"

    yield to
    sys.modules.pop("mine", None)


def test_what_it_says_of_itself(write: Write) -> None:
    stated = 'name, dim, max_tokens, version, query = "mine", 3, 77, 4, "find {query}"'
    model = open_model(write(stated))
    assert (model.spec, model.name, model.dim) == ("py:mine:factory", "mine", 3)
    assert (model.max_tokens, model.revision, model.pooling) == (77, "4", "own")
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
    assert open_model(write()).revision == first
    assert open_model(write("seed = 2")).revision != first
    assert open_model(write('version = "1"')).revision == "1"
    assert open_model(write('seed, version = 2, "1"')).revision == "1"
    assert open_model(write("version = 0")).revision == "0"  # a version, though it is falsy


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


@pytest.mark.parametrize("spec", ["py:", "py:mine", "py:mine:", "py::factory", "py:a:b:c"])
def test_forms(spec: str) -> None:
    with pytest.raises(UsageError, match="py:module:factory is wanted"):
        open_model(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("py:no_such_module_here:factory", "No module named 'no_such_module_here'"),
        ("py:mine:no_such_factory", "mine has no function 'no_such_factory'"),
        ("py:mine:other", "mine has no function 'other'"),
        ("py:mine:empty", r"what the factory made has no encode\(texts\)"),
    ],
)
def test_not_to_be_had(write: Write, spec: str, message: str) -> None:
    write()
    with pytest.raises(ModelUnavailable, match=f"^{spec}: {message}"):
        open_model(spec)


def test_the_current_folder_is_on_the_path_once(write: Write, tmp_path: Path) -> None:
    for _ in range(3):
        open_model(write())
    assert sys.path.count(str(tmp_path)) == 1


def test_a_bug_in_the_users_code_keeps_its_traceback(write: Write) -> None:
    spec = write("mistake = 1 / 0")
    with pytest.raises(ZeroDivisionError):
        open_model(spec)


def test_vectors_pass_through_untouched(write: Write) -> None:
    got = open_model(write()).encoder().encode(["x"])
    assert got.dtype == np.float32
