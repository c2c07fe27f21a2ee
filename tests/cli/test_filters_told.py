"""Filters that leave files out are named, where they are to blame."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.slow


def test_verbose_names_what_was_not_read(shell: Shell) -> None:
    shell.write("docs/a.md", "one")
    shell.write("docs/b.xyz", "two")
    shell.write("docs/history.cpython-311.pyc", b"\xa7\r\r\n\0\0")
    done = shell("index", "docs", "-v")
    assert (
        "left out 2 with unknown suffixes (1 .pyc, 1 .xyz): docs/b.xyz, docs/history.cpython-311.pyc\n"
        in done.err
    )


def test_a_filter_that_leaves_nothing_is_named_each_time(shell: Shell) -> None:
    shell.write("docs/a.md", "a page")
    assert shell("index", "docs").code == 0
    assert shell("index", "docs", "--include", "*.mdx").out.startswith("1 deleted (filtered by")
    done = shell("index")
    assert done.out.startswith("nothing to read · 0 passages")
    assert (
        "docs holds nothing to read with --include '*.mdx' (qembed index docs without it"
        in done.err
    )
    assert shell("index", "docs").out.startswith("1 added")
    assert "nothing to read" not in shell("index").err


def test_a_filter_of_an_empty_folder_is_not_to_blame(shell: Shell) -> None:
    page = shell.write("docs/deep/a.md", "a page")
    assert shell("index", "docs", "--max-file-size", "1M").code == 0
    page.unlink()
    done = shell("index", "--allow-missing", "--yes")
    assert "holds nothing to read with" not in done.err, done.err
    shell.write("docs/deep/b.md", "more than a megabyte " * 60_000)
    assert "holds nothing to read with --max-file-size" in shell("index").err
