"""`qembed status`: counts of an index, and the gate on its age."""

from __future__ import annotations

from tests.cli.conftest import Shell


class TestStatus:
    def test_it_says_what_is_there(self, docs: Shell) -> None:
        body = docs("status", "--format", "json").json
        assert body["documents"] == 3
        assert body["passages"] == 3
        assert body["sources"] == ["docs"]
        assert body["derived"]["graph"]["behind"] == 0
        assert "3" in docs("status").out

    def test_kinds_of_large_indexes_are_not_said_to_be_behind(self, docs: Shell) -> None:
        derived = docs("status", "--format", "json").json["derived"]
        assert {kind: d["behind"] for kind, d in derived.items()} == dict.fromkeys(derived, 0)
        said = docs("status").out
        assert "behind" not in said
        assert not {"places", "codes"} & {line.split()[0] for line in said.splitlines()}

    def test_stale(self, docs: Shell) -> None:
        assert docs("status", "--fail-if-stale", "24h").code == 0
        done = docs("status", "--fail-if-stale", "0s")
        assert done.code == 3
        assert "stale" in done.err
        assert docs("status", "--fail-if-stale", "soon").code == 2
