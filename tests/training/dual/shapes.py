"""Pictures of coloured shapes with captions: what a pair of towers can learn in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 170, 60),
    "blue": (40, 60, 220),
    "yellow": (235, 210, 40),
    "black": (20, 20, 20),
    "pink": (240, 140, 190),
    "orange": (250, 140, 20),
    "grey": (130, 130, 130),
}
SHAPES = ("square", "circle", "bar", "pole", "cross", "frame")
SIDE = 32


def draw(colour: str, shape: str, rng: np.random.Generator) -> Image.Image:
    """A shape of a colour, somewhere near the middle."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    x, y = (int(v) for v in rng.integers(3, 8, 2))
    fill, far = COLOURS[colour], 18
    box = (x, y, x + far, y + far)
    if shape == "circle":
        pen.ellipse(box, fill=fill)
    elif shape == "square":
        pen.rectangle(box, fill=fill)
    elif shape == "frame":
        pen.rectangle(box, outline=fill, width=3)
    if shape in ("bar", "cross"):
        pen.rectangle((x, y + 7, x + far, y + 11), fill=fill)
    if shape in ("pole", "cross"):
        pen.rectangle((x + 7, y, x + 11, y + far), fill=fill)
    return image


def write_shapes(folder: Path, each: int = 3) -> Path:
    """Write `each` pictures of all colours and shapes, and their pairs; a group for each of the 48."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    lines = []
    for colour in COLOURS:
        for shape in SHAPES:
            for n in range(each):
                name = f"images/{colour}-{shape}-{n}.png"
                draw(colour, shape, rng).save(folder / name)
                words = {"image": name, "text": f"{colour} {shape}", "group": colour + shape}
                lines.append(json.dumps(words))
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path
