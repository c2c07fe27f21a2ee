"""The modules that a command imports."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.cli.conftest import Shell

WATCH = """
import json, sys
sys.argv = ["qembed", *json.loads(sys.argv[1])]
from qembed.__main__ import main
try:
    main()
finally:
    found = {m.partition(".")[0] for m in sys.modules} | {"pyarrow.compute"} & sys.modules.keys()
    print(json.dumps(sorted(found)), file=sys.stderr)
"""


HEAVY = {"numpy", "pyarrow", "onnxruntime", "torch", "transformers", "sentence_transformers"}


def imported(shell: Shell, *args: str, **env: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", WATCH, json.dumps(args)],
        cwd=shell.folder,
        env=shell.env(**env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(json.loads(done.stderr.splitlines()[-1]))
