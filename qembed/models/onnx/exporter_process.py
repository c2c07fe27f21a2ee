"""Process that exports a model, apart from the caller: its memory, threads, output and crashes stay there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.models.model import Stop

if TYPE_CHECKING:
    from qembed.models.onnx.prepare import ExportRequest

TIMEOUT = 1800.0
"""Seconds after which an exporter is killed."""


def run_exporter(request: ExportRequest, out: Path, stop: Stop) -> tuple[int, str]:
    """(exit code, end of stderr) of the exporter process. Raises KeyboardInterrupt as `prepare`."""
    import json
    import subprocess
    import sys
    import time

    message = {
        "kind": request.kind,
        "folder": str(request.folder),
        "out": str(out),
        "pooling": request.pooling,
        "max_tokens": request.max_tokens,
        "revision": request.revision,
        "role": request.role or "document",
    }
    # -P: the user's folder may hold a torch.py; our own path is appended, in case qembed is not installed
    home = str(Path(__file__).parents[2])
    program = (
        f"import sys; sys.path.append({home!r}); "
        "from qembed.models.onnx_export.export import main; sys.exit(main())"
    )
    log = out.parent / "log"
    with log.open("wb") as talk:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=talk,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"},
        )
        try:
            assert process.stdin is not None
            with process.stdin:
                process.stdin.write(json.dumps(message).encode())
            until = time.monotonic() + TIMEOUT
            while True:
                try:
                    code = process.wait(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    if stop():
                        raise KeyboardInterrupt from None
                    if time.monotonic() > until:
                        return 1, f"the exporter took more than {TIMEOUT:.0f} s"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return code, log.read_text("utf-8", "replace")[-4000:]


def failure_reason(out: Path, code: int, talk: str) -> str:
    """Reason of a failed export: its file `reason`, else from exit code and stderr."""
    try:
        return (out / "reason").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        lines = [line for line in talk.splitlines() if line.strip()]
        if code < 0:
            return f"the exporter was killed by signal {-code} (out of memory?)"
        return lines[-1].strip()[:300] if lines else f"the exporter ended with code {code}"
