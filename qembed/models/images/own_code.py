"""Pictures and the encoders of the user's own code."""

from __future__ import annotations

from typing import Any

from qembed.protocols import Kind


class ReadsImages:
    """Part of PythonEncoder and PythonModel: whether the user's object reads pictures."""

    _instance: Any

    @property
    def image_recipe(self) -> str:
        """Preprocessing of pictures: the object's `image_recipe`, `own` without one; "" if it reads none."""
        return str(getattr(self._instance, "image_recipe", "own")) if self.supports("image") else ""

    def supports(self, kind: Kind) -> bool:
        """True for texts, and for pictures if the object has `encode_images`."""
        return kind == "text" or hasattr(self._instance, "encode_images")
