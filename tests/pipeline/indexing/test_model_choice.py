"""Model of a first index: chosen by the scripts of its documents, recorded, watched in later runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.models.builtin import source
from qembed.models.builtin.registry import BUILTIN
from qembed.models.builtin.source import is_here
from qembed.pipeline.diagnostics.status import describe
from qembed.pipeline.indexing import index_plan
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.encoding import model_choice
from qembed.pipeline.indexing.encoding.model_choice import (
    CHARS,
    ScriptCount,
    changed_picture,
    choose_model,
)
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.store import manifest as manifests
from qembed.types import Document, ReadItem

TEXTS = {
    "Chinese": "如何申请退款？退款会在五个工作日内到账。",
    "Arabic": "كيف يمكنني استرداد أموالي من المتجر؟",
    "Thai": "ฉันจะขอเงินคืนได้อย่างไร",
    "Hindi": "मैं अपना पैसा वापस कैसे पा सकता हूँ",
    "Russian": "Как мне вернуть деньги за заказ?",
    "Greek": "Πώς μπορώ να πάρω πίσω τα χρήματά μου;",
    "Japanese": "返金を申し込むにはどうすればよいですか。",
    "Korean": "환불을 어떻게 신청하나요?",
}
ENGLISH = "How do I get a refund for my order? It arrives within five working days. "


def counted(*texts: str) -> ScriptCount:
    count = ScriptCount()
    for text in texts:
        count.add(text)
    return count


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "is_here", lambda _: True)


# ── by scripts ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", TEXTS)
def test_other_scripts_get_the_multilingual_model(here: None, language: str) -> None:
    for texts in ([TEXTS[language]], [ENGLISH, TEXTS[language]], [ENGLISH + TEXTS[language]]):
        choice = choose_model(counted(*texts))
        assert choice.spec == "multilingual", texts
        assert choice.advice == f"model multilingual: {choice.why}"


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        "Größe, façade, naïve: Latin letters with marks",
        "def f(x: int) -> int:\n    return x + 1",
        ENGLISH * 20 + "α and β are parameters; see 退款.",
        "12345 !!! 🚀",
        "",
    ],
)
def test_latin_text_stays_with_minilm(here: None, text: str) -> None:
    choice = choose_model(counted(text))
    assert (choice.spec, choice.advice) == ("minilm", "")


def test_without_the_model_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "is_here", lambda _: False)
    choice = choose_model(counted(TEXTS["Chinese"], ENGLISH))
    assert choice.spec == "minilm"
    assert "% of the sampled text is in scripts that minilm does not read (Han)" in choice.advice
    assert BUILTIN["multilingual"].install in choice.advice
    assert choice.advice.endswith("qembed index --rebuild --model multilingual")
    assert "\n" not in choice.advice


def test_new_documents_that_change_the_picture() -> None:
    count = counted(ENGLISH, TEXTS["Russian"])
    line = changed_picture("minilm", count)
    assert "of the new text is in scripts that minilm does not read (Cyrillic)" in line
    assert changed_picture("multilingual", count) == ""
    assert changed_picture("minilm", counted(ENGLISH)) == ""
    assert changed_picture("minilm", ScriptCount()) == ""


def test_only_the_beginning_of_a_text_counts() -> None:
    assert counted("a" * CHARS + TEXTS["Chinese"]).unread == 0


# ── in a run ─────────────────────────────────────────────────────────────────────────────────────

ONE, OTHER = "py:qembed.testing:encoder", "py:tests.encoders:other"


@pytest.fixture
def two_models(monkeypatch: pytest.MonkeyPatch, here: None) -> None:
    """Encoders without weights in the places of minilm and multilingual."""
    monkeypatch.delenv("QEMBED_MODEL", raising=False)
    for module, name, spec in (
        (index_plan, "DEFAULT_MODEL", ONE),
        (model_choice, "ENGLISH", ONE),
        (model_choice, "MULTILINGUAL", OTHER),
    ):
        monkeypatch.setattr(module, name, spec)


class Talk(Progress):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say(self, line: str) -> None:
        if not line.startswith("loading "):
            self.said.append(line)


def run(top: Path, *, model: str | None = None, **options: object) -> tuple[dict, list[str]]:
    talk = Talk()
    paths = [str(top / "docs")]
    wanted = IndexOptions(paths=paths, recipe=RecipeOptions(model=model), **options)  # type: ignore[arg-type]
    return build(top / "index", wanted, talk).to_json(), talk.said


def write(top: Path, name: str, text: str) -> None:
    (top / "docs").mkdir(exist_ok=True)
    (top / "docs" / name).write_text(text, "utf-8")


def test_chosen_recorded_and_kept(tmp_path: Path, two_models: None) -> None:
    write(tmp_path, "zh.md", TEXTS["Chinese"] * 5)
    body, said = run(tmp_path)
    assert body["model"]["spec"] == OTHER
    assert "Han" in body["model"]["why"]
    assert [line for line in said if line.startswith(f"model {OTHER}")]
    settings = manifests.read(tmp_path / "index").settings["model_choice"]
    assert (settings["spec"], settings["why"]) == (OTHER, body["model"]["why"])
    write(tmp_path, "en.md", ENGLISH)
    for model in (None, "auto"):
        body, said = run(tmp_path, model=model)
        assert (body["model"]["spec"], said) == (OTHER, [])
    assert describe(tmp_path / "index")["model_choice"] == settings
    body, _ = run(tmp_path, model=ONE, rebuild=True)
    assert body["model"] == {"spec": ONE, "why": None}
    assert describe(tmp_path / "index")["model_choice"] is None  # it was named


def test_a_refresh_says_that_the_picture_has_changed(tmp_path: Path, two_models: None) -> None:
    write(tmp_path, "en.md", ENGLISH)
    body, said = run(tmp_path)
    assert (body["model"]["spec"], said) == (ONE, [])
    write(tmp_path, "ru.md", TEXTS["Russian"])
    body, said = run(tmp_path)
    assert body["model"]["spec"] == ONE
    assert len(said) == 1
    assert "% of the new text is in scripts" in said[0]


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_named_model_is_not_questioned(
    tmp_path: Path, two_models: None, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    write(tmp_path, "zh.md", TEXTS["Chinese"])
    if by == "environment":
        monkeypatch.setenv("QEMBED_MODEL", ONE)
    body, said = run(tmp_path, model=ONE if by == "option" else None)
    assert (body["model"], said) == ({"spec": ONE, "why": None}, [])
    assert "model_choice" not in manifests.read(tmp_path / "index").settings


def test_a_dry_run_chooses_too(tmp_path: Path, two_models: None) -> None:
    write(tmp_path, "zh.md", TEXTS["Chinese"])
    body, _ = run(tmp_path, dry_run=True)
    assert body["model"]["spec"] == OTHER
    assert not (tmp_path / "index").exists()


@pytest.mark.slow
def test_records_choose_and_none_is_lost(tmp_path: Path, two_models: None) -> None:
    records: list[ReadItem] = [Document(f"d{i}", TEXTS["Chinese"] + str(i)) for i in range(1500)]
    options = IndexOptions(paths=["-"])
    summary = build(tmp_path / "index", options, Progress(), documents=iter(records))
    assert summary.model["spec"] == OTHER
    assert summary.documents["added"] == len(records)


# ── is the model here ────────────────────────────────────────────────────────────────────────────


def test_where_a_model_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(source, "installed_path", lambda *_: None)
    assert not is_here("multilingual")
    snapshot = tmp_path / "hub" / "models--intfloat--multilingual-e5-small" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    assert not is_here("multilingual")
    (snapshot / "model.safetensors").write_bytes(b"")
    assert is_here("multilingual")
    package = tmp_path / "site"
    monkeypatch.setattr(source, "installed_path", lambda _, inside: package / inside)
    assert not is_here("bge-small")
    folder = package / BUILTIN["bge-small"].folder
    folder.mkdir(parents=True)
    for file in BUILTIN["bge-small"].sha256:
        (folder / file).write_bytes(json.dumps(file).encode())
    assert is_here("bge-small")
