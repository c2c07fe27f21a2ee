"""An index without its manifest, as a shell sees it."""

from __future__ import annotations

from tests.cli.conftest import Shell


def test_a_lost_manifest_says_what_to_do_and_loses_nothing_else(shell: Shell) -> None:
    shell.write("docs/a.txt", "alpha")
    assert shell("add", "a record that no file holds").code == 0
    root = shell.folder / ".qembed"
    (root / "manifest.json").unlink()
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and p.name != "lock"}
    commands = [["verify"], ["query", "x"], ["index"], ["index", "docs"], ["add", "more"], ["status"],
                ["index", "docs", "--rebuild", "--yes"], ["index", "--repair", "--yes"], ["config"],
                ["index", "docs", "--dry-run"], ["forget", "--where", "id = 'x'"], ["watch", "docs"],
                ["query", "x", "--index", "."], ["add", "more", "--index", "."],
                ["indexes", "add", "lost"], ["mcp", "--print-config", "claude"]]  # fmt: skip
    for command in commands:
        done = shell(*command)
        assert done.code == 2, command
        assert "manifest.json is missing, and documents and passages that it named are" in done.err
        assert f"(restore it from a backup, or move {root} away to begin anew)" in done.err
    assert {p: p.read_bytes() for p in before} == before
