"""qembed eval --sts"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from qembed.cli.console import Console, dumps, out
from qembed.cli.exit_codes import ExitCode


def sts(
    path: Path,
    model: str | None,
    how: dict[str, Any],
    fail_under: tuple[str, ...],
    as_json: bool,
    talk: Console,
) -> None:
    """Prints a model's correlation with people on pairs of sentences; exits 3 if a gate says no."""
    from qembed.pipeline.experiments.sts import judge_sts
    from qembed.pipeline.locate import model_spec

    body = judge_sts(path, model_spec(model), fail_under=fail_under, **how)
    if as_json:
        out(dumps(body))
    else:
        for name, value in body["measures"].items():
            out(f"{name}  {value:.4f}")
        out(f"pairs     {body['pairs']}")
    if body["settings"]["truncated"]:
        talk.say(f"{body['settings']['truncated']} sentences were longer than the model reads")
    talk.detail(f"encoded {body['settings']['encoded']!r} with {body['settings']['model']}")
    failed = [g for g in body["gates"] if not g["ok"]]
    for g in failed:
        talk.say(f"gate: {g['measure']} is {g['got']:.4f}, wanted {g['wanted']:.4f}")
    if failed:
        raise typer.Exit(ExitCode.GATE)
