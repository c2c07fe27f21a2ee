"""onnxruntime without telemetry.

From 1.29 on its wheels for Linux, as they are imported, write an identifier of the machine and a database of
events to be sent into the home folder; `disable_telemetry_events` comes too late for both. The environment
variable ORT_DISABLE_TELEMETRY, read at the import, prevents it (pull request 27379 of microsoft/onnxruntime).
"""

from __future__ import annotations

import os
from typing import Any

DISABLE_TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Environment variable of onnxruntime; a user's own value stays."""


def import_onnxruntime() -> Any:
    """Module onnxruntime, imported with its telemetry off."""
    os.environ.setdefault(DISABLE_TELEMETRY, "1")
    import onnxruntime

    return onnxruntime
