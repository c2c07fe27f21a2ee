"""Exported tower of pictures: vectors of pixels through onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qembed.models.onnx.cache import Export
from qembed.models.onnx.session import GraphSession

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PIXELS = "pixel_values"
"""Input of the graph: float32 (pictures, 3, height, width)."""
VECTOR = "vector"


class OnnxImages:
    """Tower of an export. Raises ExportDamaged if it cannot be loaded, ImportError without onnxruntime."""

    def __init__(self, export: Export) -> None:
        self._graph = GraphSession(export)

    def pixel_vectors(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Vectors of prepared pictures, float32 (n, width). Thread-safe."""
        found: npt.NDArray[np.float32] = self._graph.run(VECTOR, {PIXELS: pixels})
        return found
