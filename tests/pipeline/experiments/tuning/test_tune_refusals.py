"""Queries, judgments and settings on which `tune` refuses to work."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.errors import InputError, UsageError
from qembed.pipeline.experiments.tuning.arms import read_candidates
from qembed.pipeline.experiments.tuning.judged_queries import read_judged_queries
from qembed.pipeline.experiments.tuning.tune import TuneOptions, tune
from qembed.store import manifest as manifests
from tests.pipeline.experiments.tuning.conftest import run


class TestBadInput:
    def refused(self, folder: Path, kind: type[Exception], match: str, **options: object) -> None:
        before = sorted((folder / ".qembed").iterdir()), manifests.read(folder / ".qembed")
        with pytest.raises(kind, match=match):
            run(folder, **options)
        assert before == (
            sorted((folder / ".qembed").iterdir()),
            manifests.read(folder / ".qembed"),
        )

    def test_too_few_queries(self, small: Path) -> None:
        rows = [f"q{i}\td{i}\t1" for i in range(19)]
        for many, told in ((19, "19 queries have"), (1, "1 query has")):
            (small / "r.tsv").write_text("\n".join(rows[:many]) + "\n")
            self.refused(small, InputError, f"{told} a relevant document")

    def test_judgments_without_relevant_documents(self, small: Path) -> None:
        (small / "r.tsv").write_text("".join(f"q{i}\td{i}\t0\n" for i in range(25)))
        self.refused(small, InputError, "0 queries have a relevant document")

    def test_judgments_of_another_index(self, small: Path) -> None:
        (small / "r.tsv").write_text("".join(f"q{i}\te{i}\t1\n" for i in range(25)))
        self.refused(small, InputError, "is it the right index")

    def test_judgments_of_other_queries(self, small: Path) -> None:
        (small / "r.tsv").write_text("".join(f"p{i}\td{i}\t1\n" for i in range(25)))
        self.refused(small, InputError, "not in the query file")

    def test_all_queries_about_one_document(self, small: Path) -> None:
        (small / "r.tsv").write_text("".join(f"q{i}\td1\t1\n" for i in range(25)))
        self.refused(small, InputError, "fall into 1 group by common")

    def test_options(self, small: Path) -> None:
        self.refused(small, UsageError, "--only colour", only="colour")
        self.refused(small, UsageError, "--apply perhaps", apply="perhaps")
        self.refused(small, UsageError, "--folds 1", folds=1)

    def test_files_that_are_not_there(self, small: Path) -> None:
        self.refused(small, InputError, "cannot read", candidates=small / "none.txt")
        (small / "empty.txt").write_text("# nothing\n\n")
        self.refused(small, InputError, "no instructions there", candidates=small / "empty.txt")
        (small / "long.txt").write_text("Find\n" + "x" * 501 + "\n")
        self.refused(small, InputError, "long.txt:2: longer", candidates=small / "long.txt")

    def test_a_missing_file_of_judgments(self, small: Path) -> None:
        with pytest.raises(UsageError, match="are wanted"):
            tune(small / ".qembed", TuneOptions(small / "q.jsonl", None))

    def test_an_index_without_documents(self, small: Path) -> None:
        with pytest.raises(InputError, match="no documents"):
            read_judged_queries(small / "q.jsonl", small / "r.tsv", {}, print)


def test_candidates_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("\ufeff# comment\n\n Find it \nFind it\nAnswer\n", encoding="utf-8")
    assert read_candidates(path) == ["Find it", "Answer"]
