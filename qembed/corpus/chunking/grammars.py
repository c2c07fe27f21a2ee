"""Language of a file and tree-sitter's grammar for it (the extra `qembed-search[code]`)."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

NEEDS = "needs qembed-search[code] (pip install 'qembed-search[code]')"

_GRAMMARS = {
    "python": (".py .pyi", "tree_sitter_python", "language"),
    "javascript": (".js .mjs .cjs .jsx", "tree_sitter_javascript", "language"),
    "typescript": (".ts .mts .cts", "tree_sitter_typescript", "language_typescript"),
    "tsx": (".tsx", "tree_sitter_typescript", "language_tsx"),
    "go": (".go", "tree_sitter_go", "language"),
    "rust": (".rs", "tree_sitter_rust", "language"),
    "java": (".java", "tree_sitter_java", "language"),
    "c": (".c", "tree_sitter_c", "language"),
    "cpp": (".h .cc .cpp .cxx .hh .hpp", "tree_sitter_cpp", "language"),
    "ruby": (".rb", "tree_sitter_ruby", "language"),
    "bash": (".sh .bash", "tree_sitter_bash", "language"),
    "csharp": (".cs", "tree_sitter_c_sharp", "language"),
    "php": (".php", "tree_sitter_php", "language_php"),
}
_LANGUAGES = {s: name for name, (suffixes, _, _) in _GRAMMARS.items() for s in suffixes.split()}


def language(suffix: str) -> str:
    """The language of files with this suffix, "" if it is none that can be cut along definitions."""
    return _LANGUAGES.get(suffix, "")


@lru_cache
def grammar(name: str) -> Any:
    """A language's tree-sitter parser; None where it is not installed, or is one of another time."""
    module, function = _GRAMMARS[name][1:]
    if find_spec("tree_sitter") is None or find_spec(module) is None:
        return None
    try:
        import tree_sitter

        return tree_sitter.Parser(tree_sitter.Language(getattr(import_module(module), function)()))
    except (ImportError, AttributeError, ValueError, TypeError):
        return None
