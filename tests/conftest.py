"""The order of the tests."""

import pytest

LONG = ("test_kill", "test_concurrent_readers", "test_samples", "test_long_files", "test_faults")
"""Modules with tests of half a minute and more: one begun last would leave the other core nothing to do."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first, the rest as they were."""
    items.sort(key=lambda item: item.path.stem not in LONG)
