"""Pictures in training: turned, scaled, moved, mirrored and with other colours, by chance."""

from __future__ import annotations

from typing import Any

TURN, ZOOM, MOVE = 0.25, 0.2, 0.1
"""Radians, share of the size, share of half the width: at most, to both sides."""
CONTRAST, BRIGHTNESS = 0.15, 0.1


def augmented(pixels: Any, generator: Any) -> Any:
    """Changed pictures, float32 (n, 3, height, width) of 0 to 1. What comes in from outside is white.

    `generator`: of torch, which decides alone.
    """
    import torch

    n = len(pixels)

    def draw(*shape: int) -> Any:
        return torch.rand(n, *shape, generator=generator) * 2 - 1

    angle, size, move = draw() * TURN, 1 + draw() * ZOOM, draw(2) * MOVE
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    rows = [
        torch.stack([cos * mirror, -sin, move[:, 0]], 1),
        torch.stack([sin * mirror, cos, move[:, 1]], 1),
    ]
    grid = torch.nn.functional.affine_grid(torch.stack(rows, 1), pixels.shape, align_corners=False)
    moved = 1 - torch.nn.functional.grid_sample(1 - pixels, grid, align_corners=False)
    contrast = 1 + draw(3, 1, 1) * CONTRAST
    return ((moved - 0.5) * contrast + 0.5 + draw(3, 1, 1) * BRIGHTNESS).clamp(0, 1)
