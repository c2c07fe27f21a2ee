"""py:module:factory: code that cannot be loaded, or raises."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.errors import EncodingError, ModelUnavailable, UsageError
from qembed.models import open_model
from qembed.models.python_model import PythonEncoder, PythonReranker
from tests.models.conftest import Write


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


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ("mistake = 1 / 0", r" raised ZeroDivisionError: division by zero \(.*mine\.py:\d+\)"),
        ("mistake = 1 +", r" raised SyntaxError: invalid syntax \(.*mine\.py:\d+\)"),
        ("def __init__(self): raise OSError('boom')", r" raised OSError: boom \(.*mine\.py:\d+\)"),
        ("def __init__(self): import not_here", ": No module named 'not_here'"),
        ("max_tokens = 'many'", " raised ValueError: invalid literal .*many.*"),
    ],
)  # fmt: skip
def test_whatever_the_users_code_raises_is_told_with_its_place(
    write: Write, attributes: str, told: str
) -> None:
    spec = write(attributes)
    with pytest.raises(ModelUnavailable, match=f"^py:mine:factory{told}$"):
        open_model(spec)


def test_an_error_of_ours_in_the_users_code_keeps_its_words(write: Write) -> None:
    spec = write("from qembed.models import open_model; inner = open_model('py:no:')")
    with pytest.raises(UsageError, match=r"^py:no:: py:module:factory is wanted"):
        open_model(spec)


@pytest.mark.parametrize(
    "attributes",
    [
        "import sys; sys.exit(7)",
        "__init__ = lambda self: __import__('sys').exit(7)",
        "encode = lambda self, t: __import__('sys').exit(7)",
    ],
)
def test_an_exit_while_it_is_loaded(write: Write, attributes: str) -> None:
    spec = write(attributes)
    if attributes.startswith("encode"):
        source = Path("mine.py").read_text().replace("def encode(", "def never(")
        Path("mine.py").write_text(source)
    with pytest.raises(
        ModelUnavailable, match=r"^py:mine:factory raised SystemExit: 7 \(.*mine\.py:\d+\)"
    ):
        open_model(spec)


def test_an_exit_while_it_scores_or_encodes_tokens() -> None:
    class Exits:
        def score(self, pairs: object) -> object:
            raise SystemExit("enough")

        def encode_tokens(self, texts: object) -> object:
            raise SystemExit("enough")

    with pytest.raises(EncodingError, match="py:m:f raised SystemExit: enough"):
        PythonReranker("py:m:f", Exits()).score([("q", "a")])
    with pytest.raises(EncodingError, match="py:m:f raised SystemExit: enough"):
        PythonEncoder(Exits(), 3, "py:m:f").encode_tokens(["a"])
