"""What a user says of the machine rather than of a model, by the environment."""

from __future__ import annotations

import os

DEVICE = "QEMBED_DEVICE"
"""`cpu`, `cuda`, `cuda:1`, `mps`; without it a GPU if there is one."""
DTYPE = "QEMBED_DTYPE"
"""`float32`, `bfloat16` or `float16`; without it bfloat16 on CUDA, float32 elsewhere."""


def wanted_device(asked: str | None) -> str | None:
    """`asked`, else what the environment says, else None."""
    return asked or os.environ.get(DEVICE) or None
