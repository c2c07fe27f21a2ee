"""Lines of pairs: all mistakes by file and line; what belongs together stays together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qembed.errors import InputError, UsageError
from qembed.models.images.preprocessing import Preprocessing
from qembed.pipeline.progress import Progress
from qembed.training.dual.pairs import Pair, Pictures, load_pictures, read_pairs
from qembed.training.dual.split import FEWEST, split_pairs
from tests.corpus import pictures as drawn

STEPS = Preprocessing(8, 8)


def write(folder: Path, *lines: Any) -> Path:
    path = folder / "pairs.jsonl"
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines))
    return path


def loaded(path: Path) -> tuple[list[Pair], Pictures]:
    pairs = read_pairs(path)
    return pairs, load_pictures(path, pairs, STEPS, Progress())


def test_pictures_with_a_damaged_exif_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(drawn.with_segment(0xE1, b"Exif\0\0" + b"\xff" * 40))
    _, pictures = loaded(write(tmp_path, {"image": "a.jpg", "text": "a"}))
    assert np.abs(pictures.pixels[0].astype(int) - drawn.RED).max() <= 4


def test_all_mistakes_of_the_lines_are_told(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    path = write(
        tmp_path,
        {"image": "a.png", "text": "a"},
        {"text": "no picture"},
        {"image": "a.png", "text": "  "},
        {"image": "b.png", "text": "b"},
        {"image": "a.png", "text": "a", "split": "validation"},
        {"image": "a.png", "text": "a", "group": 3},
        "{",
    )
    with pytest.raises(InputError) as caught:
        read_pairs(path)
    told = [p.removeprefix(f"{path}:") for p in caught.value.problems]
    assert told[:5] == [
        "2: 'image' is missing",
        "3: 'text' must be a text",
        f"4: {tmp_path / 'b.png'}: no such picture",
        "5: 'split' must be train, dev, test, not 'validation'",
        "6: 'group' must be a text",
    ]
    assert told[5].startswith("7: ")


def test_lines_say_their_split_all_or_none(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    path = write(
        tmp_path,
        {"image": "a.png", "text": "a", "split": "dev"},
        {"image": "a.png", "text": "a"},
    )
    with pytest.raises(InputError, match=r"pairs\.jsonl:2: 'split' is missing"):
        read_pairs(path)
    with pytest.raises(InputError, match="holds no pairs"):
        read_pairs(write(tmp_path, ""))


def test_pictures_that_cannot_be_read_are_told_by_line(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:900])
    (tmp_path / "text.png").write_text("no picture")
    names = ("whole.png", "cut.png", "text.png", "cut.png")
    path = write(tmp_path, *({"image": n, "text": n} for n in names))
    with pytest.raises(InputError) as caught:
        loaded(path)
    first, second = caught.value.problems
    assert first.startswith(f"{path}:2: {tmp_path / 'cut.png'}: ")
    assert second.startswith(f"{path}:3: {tmp_path / 'text.png'}: its content is no picture")


def test_each_picture_is_read_once_and_scaled(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), (10, 200, 30)).save(tmp_path / "a.png")
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    path = write(tmp_path, *({"image": f"{n}.png", "text": n} for n in ("a", "clear", "a")))
    _, pictures = loaded(path)
    assert pictures.pixels.shape == (2, 8, 8, 3)
    assert pictures.rows.tolist() == [0, 1, 0]
    assert (pictures.pixels[0] == (10, 200, 30)).all()
    assert (pictures.pixels[1] == 255).all()


def made(n: int, **given: list[str]) -> tuple[list[Pair], Pictures]:
    """Pairs of different pictures, with other texts, groups and parts where given."""
    texts = given.get("texts", [f"text {i}" for i in range(n)])
    groups = given.get("groups", [""] * n)
    parts: Any = given.get("parts", [None] * n)
    pairs = [Pair(Path(f"{i}.png"), texts[i], groups[i], parts[i], i + 1) for i in range(n)]
    pixels = np.zeros((n, 8, 8, 3), dtype=np.uint8)
    return pairs, Pictures(pixels, np.arange(n), [b"%d" % i for i in range(n)])


def test_what_shares_a_group_a_text_or_pixels_stays_together() -> None:
    groups = [f"group {i // 2}" for i in range(120)]
    texts = [f"text {i}" for i in range(120)]
    texts[7] = texts[90]
    pairs, pictures = made(120, groups=groups, texts=texts)
    digests = [*pictures.digests]
    digests[11] = digests[70]
    pictures = Pictures(pictures.pixels, pictures.rows, digests)
    together = [{6, 7, 90, 91}, {10, 11, 70, 71}]
    for seed in range(5):
        split = split_pairs(Path("p"), pairs, pictures, 0.2, seed)
        parts = [set(split.train), set(split.dev), set(split.test)]
        assert sorted(i for p in parts for i in p) == list(range(120))
        assert 20 <= len(parts[2]) <= 30
        assert len(parts[1]) >= FEWEST
        for members in together:
            assert sum(bool(members & p) for p in parts) == 1
        numbers = split.component
        assert all(
            (numbers[i] == numbers[j]) == (groups[i] == groups[j]) for i, j in [(0, 1), (1, 2)]
        )


def test_lines_that_divide_what_belongs_together_are_told() -> None:
    parts = ["train"] * 10 + ["dev"] * 10 + ["test"] * 10
    pairs, pictures = made(30, parts=parts)
    split = split_pairs(Path("p"), pairs, pictures, 0.2, 0)
    assert [len(split.train), len(split.dev), len(split.test)] == [10, 10, 10]
    texts = [f"text {i}" for i in range(30)]
    texts[4] = texts[12] = texts[29]
    pairs, pictures = made(30, parts=parts, texts=texts)
    with pytest.raises(InputError) as caught:
        split_pairs(Path("p"), pairs, pictures, 0.2, 0)
    assert [p.partition(", and")[0] for p in caught.value.problems] == [
        "p:13: in dev, but line 5 is in train",
        "p:30: in test, but line 5 is in train",
    ]


def test_too_few_groups_and_a_share_that_is_none() -> None:
    pairs, pictures = made(40, groups=["one"] * 40)
    with pytest.raises(InputError, match="groups of pairs to"):
        split_pairs(Path("p"), pairs, pictures, 0.2, 0)
    with pytest.raises(UsageError, match=r"--held-out 0\.7"):
        split_pairs(Path("p"), *made(40), 0.7, 0)
