"""Names that packages import at first use are the modules' own, and all of them are there."""

from __future__ import annotations

from importlib import import_module

import pytest

from qembed.late_names import late_names


@pytest.mark.parametrize("package", ["corpus", "evaluation", "models", "search"])
def test_every_name_of_a_package_is_there(package: str) -> None:
    module = import_module(f"qembed.{package}")
    for name in module.__all__:
        found = getattr(module, name)
        if hasattr(found, "__module__") and isinstance(found, type):
            assert getattr(import_module(found.__module__), name) is found
    with pytest.raises(AttributeError, match=f"module 'qembed.{package}' has no attribute 'gone'"):
        getattr(module, "gone")  # noqa: B009 - mypy knows that it is not there


def test_a_name_is_taken_from_its_module() -> None:
    get = late_names("qembed.search", {"top": ".topk", "cache_folder": "qembed.paths"})
    assert get("top") is import_module("qembed.search.topk").top
    assert get("cache_folder") is import_module("qembed.paths").cache_folder
