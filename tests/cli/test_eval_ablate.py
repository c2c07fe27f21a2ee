"""qembed eval --ablate, and several runs side by side."""

from __future__ import annotations

from typing import Any

import pytest

from tests import encoders
from tests.cli.conftest import FILES, Shell

TEMPLATE = "Instruct: {task}\nQuery:{query}"


class TestAblations:
    def arms(self, shell: Shell, *args: str) -> list[dict[str, Any]]:
        done = shell(*FILES, "--format", "json", *args)
        assert done.code == 0, done.err
        found: list[dict[str, Any]] = done.json["ablations"]
        assert [a["reference"] for a in found].count(True) == 1
        return found

    @pytest.mark.slow
    def test_instruction(self, collection: Shell) -> None:
        template = ["--template", TEMPLATE]
        done = collection(
            *FILES, *template, "--ablate", "instruction", "--report", "r.md", "--report", "r.html"
        )
        assert done.code == 0, done.err
        lines = done.out.splitlines()
        assert [line.split()[0] for line in lines if line.startswith(("without", "with ", "qa"))] == [
            "without", "with", "qa",
        ]  # fmt: skip
        # a bag of words takes the instruction's words for the user's
        assert "instruction: use without instead of with (web): " in done.out
        assert "95 % interval +" in done.out
        assert "; the latency above is of single queries" in done.out
        assert "Ablation: instruction" in (collection.folder / "r.md").read_text()
        assert "Ablation: instruction" in (collection.folder / "r.html").read_text()

    def test_a_model_without_instructions_is_not_tried_with_any(self, collection: Shell) -> None:
        done = collection(*FILES, "--ablate", "instruction", "--format", "json")
        assert [a["instruction"] for a in done.json["ablations"]] == ["without"]
        assert "was not trained with instructions, as far as is known; tried: none" in done.err

    def test_dimensions_are_cut_from_the_stored_vectors(self, collection: Shell) -> None:
        arms = self.arms(collection, "--ablate", "dim")
        assert [a["dim"] for a in arms] == [24, 48]
        assert arms[1]["reference"]
        plain = collection(*FILES, "--format", "json", "--search", "exact").json
        assert arms[1]["measures"] == plain["measures"]
        assert arms[0]["measures"]["nDCG@10"] < arms[1]["measures"]["nDCG@10"]
        assert arms[0]["difference"]["p_holm"] <= 1

    def test_search(self, collection: Shell) -> None:
        done = collection(*FILES, "--format", "json", "--ablate", "search")
        arms, (said,) = done.json["ablations"], done.json["recommendations"]
        assert arms[0]["search"] == "graph ef 10"
        assert arms[-1]["search"] == "exact"
        assert arms[-2]["measures"] == arms[-1]["measures"]  # ef 400 over 300 rows
        assert all(a["ms_per_query"] >= 0 for a in arms)
        # faster is only what the table shows to be
        ms = {a["arm"]: a["ms_per_query"] for a in arms}
        named = said.removeprefix("search: ").removeprefix("keep exact; ").split(" does as well")[0]
        kept = said.startswith("search: keep exact")
        assert (ms[named] <= 0.5 * ms["exact"] + 0.001) != kept, said

    @pytest.mark.slow
    def test_mode_and_rerank(self, collection: Shell) -> None:
        assert {a["mode"] for a in self.arms(collection, "--ablate", "mode")} >= {
            "dense",
            "lexical",
        }
        arms = self.arms(collection, "--ablate", "rerank")
        assert [a["rerank"] for a in arms] == ["without", "late"]
        alone = collection(*FILES, "--format", "json", "--rerank", "late").json
        assert arms[1]["measures"] == alone["measures"]

    @pytest.mark.slow
    def test_a_grid_encodes_each_text_once(
        self, collection: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[str] = []
        tokens: list[str] = []
        encode, encode_tokens = encoders.Bag.encode, encoders.Bag.encode_tokens

        def counted(self: encoders.Bag, texts: Any) -> Any:
            seen.extend(texts)
            return encode(self, texts)

        def token_counted(self: encoders.Bag, texts: Any) -> Any:
            tokens.extend(texts)
            return encode_tokens(self, texts)

        monkeypatch.setattr(encoders.Bag, "encode", counted)
        monkeypatch.setattr(encoders.Bag, "encode_tokens", token_counted)
        args = [
            "--template",
            TEMPLATE,
            "--ablate",
            "rerank,instruction",
            "--ablate",
            "dim",
            "--ablate",
            "search",
        ]
        done = collection(*FILES, "--format", "json", *args)
        assert done.code == 0, done.err
        grid = [a for a in done.json["ablations"] if a["ablation"] == "rerank,instruction"]
        assert len(grid) == 12
        assert len(seen) == len(set(seen)) == 30 * 6  # bare, and in each of five tasks
        assert done.json["settings"]["encoded_texts"] == len(seen)
        passages = [t for t in tokens if t.startswith("T")]
        assert len(passages) == len(set(passages))

    def test_what_cannot_be_ablated(self, collection: Shell) -> None:
        done = collection(*FILES, "--ablate", "colour", "--ablate", "dim,dim")
        assert done.code == 2
        assert "colour, dim,dim" in done.err
        collection(*FILES, "--save-run", "a.trec")
        done = collection("eval", "--run", "a.trec", "--qrels", "qrels.tsv", "--ablate", "dim")
        assert done.code == 2
        assert "cannot be made anew" in done.err


def test_several_runs_are_compared_in_one_call(collection: Shell) -> None:
    collection(*FILES, "--save-run", "good.trec")
    collection(*FILES, "--template", "w1 w2 w3 w4 w5 {query}", "--save-run", "bad.trec")
    both = ["--run", "good.trec", "--run", "bad.trec", "--qrels", "qrels.tsv"]
    done = collection("eval", *both, "--measures", "nDCG@10", "--format", "json")
    assert done.code == 0, done.err
    good, bad = done.json["ablations"]
    assert (good["run"], good["reference"]) == ("good.trec", True)
    assert bad["difference"]["difference"] < 0
    assert done.json["measures"] == good["measures"]
    assert done.json["recommendations"][0].startswith("run: keep good.trec")
    text = collection("eval", *both, "--measures", "nDCG@10")
    assert "bad.trec" in text.out
    # a system that returned nothing that was asked for is no bad system but a wrong file
    collection.write("empty.trec", "other Q0 d1 1 1.0 x\n")
    done = collection("eval", *both, "--run", "empty.trec")
    assert done.code == 2
    assert "empty.trec cannot be evaluated" in done.err
    assert "no judged query has a result" in done.err
