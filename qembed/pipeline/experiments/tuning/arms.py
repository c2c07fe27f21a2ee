"""Arms: the settings that are tried, axis by axis.

instruction   none, the model's own, named tasks, lines of the user's and proposals
mode          auto, dense, lexical, hybrid, reciprocal ranks
fusion        constants of the modes auto and hybrid, continuous
document      a document's score from its passages; diversity
rerank        the rerankers that were named: their share, their number of candidates
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import InputError, UsageError, refusal
from qembed.models import task_template
from qembed.pipeline.experiments.ablation import instruction_choices
from qembed.pipeline.retrieval.fusion import DEFAULT_FUSION, FusionParameters
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.tuned_setting import changed_options

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session

AXES = ("instruction", "mode", "fusion", "rerank", "document")
"""Values of `--only`."""
FACTORS = (0.1, 0.25, 0.5, 2.0, 4.0, 10.0)
"""Factors of a weight's default that are tried first."""
FINE = (0.7, 1.4)
"""Factors that are tried around the best of these."""
CONSTANTS = {
    "covered": (0.1, 0.6, 1.0),
    "decay": (0.0, 1.0, 4.0),
    "code": (0.0, 1.0),
    "unread": (0.5, 20.0),
}
"""Values of the constants of mode auto, beside its weight, that are tried."""
SHAPES = ("covered", "decay")
"""Constants whose best value depends on the weight: they are tried with the best one once more."""
DOCUMENT_SCORES = ("mean:2", "mean:3", "mean:5", "decay:0.3", "decay:0.5", "decay:0.7")
DIVERSITY = 0.3
SHARES = (0.1, 0.3, 0.5, 1.0)
CANDIDATES = (20, 50)


def parse_axes(text: str | None) -> tuple[str, ...]:
    """Parse `instruction,mode`; None for all axes. Raises UsageError."""
    if text is None:
        return AXES
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names or not set(names) <= set(AXES):
        raise UsageError(f"--only {text}: one of {', '.join(AXES)}, or several with commas")
    return names


# ── instructions ─────────────────────────────────────────────────────────────────────────────────


def takes_instructions(session: Session) -> bool:
    """True for a model that was trained with instructions: its template has a place for a task."""
    return "{task}" in session.loaded.model.profile.query


def read_candidates(path: Path) -> list[str]:
    """Instructions of a file, one a line; lines that begin with # are comments. Raises InputError."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        reason = refusal(e) if isinstance(e, OSError) else "it is not UTF-8"
        raise InputError(f"cannot read {path}: {reason}") from e
    lines = [line.strip() for line in text.splitlines()]
    found = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not found:
        raise InputError(f"{path}: no instructions there, one a line is wanted")
    problems = [
        f"{path}:{n}: longer than {MAX_CHARACTERS} characters"
        for n, line in enumerate(lines, 1)
        if len(line) > MAX_CHARACTERS and not line.startswith("#")
    ]
    if problems:
        raise InputError("instructions that cannot be tried:", problems)
    return found


MAX_CHARACTERS = 500
"""Characters of an instruction: longer ones leave small models no room for the query."""


def instruction_arms(
    session: Session, base: QueryOptions, lines: Sequence[str]
) -> dict[str, QueryOptions]:
    """Arms of the axis by name, the reference left out. `lines`: instructions in full, or task names.

    Raises UsageError for a line that is no task, such as an unknown name.
    """
    profile = session.loaded.model.profile
    found: dict[str, QueryOptions] = {}
    for choice in instruction_choices(session, base):
        if not choice.reference:
            found[f"instruction {choice.name}"] = replace(base, **choice.change)
    problems = []
    for line in lines:
        try:
            task_template(profile, line)
        except UsageError as e:
            problems.append(str(e))
            continue
        options = replace(base, instruction=True, task=line, template=None)
        if options not in found.values():
            found[f"instruction {line}"] = options
    if problems:
        raise InputError("instructions that cannot be tried:", problems)
    return found


# ── modes and fusion ─────────────────────────────────────────────────────────────────────────────


def mode_arms(options: QueryOptions) -> list[QueryOptions]:
    """The options under every mode with its default constants."""
    plain = replace(options, fusion="sum", fusion_parameters=None)
    modes = [replace(plain, mode=mode) for mode in ("auto", "dense", "lexical", "hybrid")]
    return [*modes, replace(plain, mode="auto", fusion="rrf")]


def fusion_arms(options: QueryOptions, constants: Sequence[str]) -> list[QueryOptions]:
    """The options under other constants, one at a time. `constants`: those that change anything."""
    auto = [
        *(_scaled(options, "auto", "trust", f) for f in FACTORS),
        *(_constant(options, "auto", n, v) for n in constants for v in CONSTANTS[n]),
    ]
    return [*auto, *(_scaled(options, "hybrid", "even", f) for f in FACTORS)]


def finer_arms(options: QueryOptions) -> list[QueryOptions]:
    """The options with the weight of their mode a little smaller and larger."""
    if options.fusion != "sum" or options.mode not in ("auto", "hybrid"):
        return []
    name = "trust" if options.mode == "auto" else "even"
    return [_scaled(options, options.mode, name, f) for f in FINE]


def shape_arms(options: QueryOptions, constants: Sequence[str]) -> list[QueryOptions]:
    """The options of mode auto with other values of the constants that depend on its weight."""
    if options.fusion != "sum" or options.mode != "auto":
        return []
    shapes = [n for n in SHAPES if n in constants]
    return [_constant(options, "auto", n, v) for n in shapes for v in CONSTANTS[n]]


def _scaled(options: QueryOptions, mode: str, name: str, factor: float) -> QueryOptions:
    present = options.fusion_parameters or DEFAULT_FUSION
    return _constant(options, mode, name, round(getattr(present, name) * factor, 6))


def _constant(options: QueryOptions, mode: str, name: str, value: float) -> QueryOptions:
    present = options.fusion_parameters or DEFAULT_FUSION
    parameters: FusionParameters | None = present._replace(**{name: value})
    if parameters == DEFAULT_FUSION:
        parameters = None
    return replace(options, mode=mode, fusion="sum", fusion_parameters=parameters)


# ── documents and rerankers ──────────────────────────────────────────────────────────────────────


def document_arms(options: QueryOptions, *, one_passage_each: bool) -> list[QueryOptions]:
    """The options under other document scores, where documents have several passages, and with diversity."""
    scores = () if one_passage_each else DOCUMENT_SCORES
    return [
        *(replace(options, document_score=score) for score in scores),
        replace(options, diversity=DIVERSITY),
    ]


def rerank_arms(options: QueryOptions, specs: Sequence[str]) -> list[QueryOptions]:
    """The options with each reranker under its default share."""
    return [replace(options, rerank=spec) for spec in specs]


def share_arms(options: QueryOptions) -> list[QueryOptions]:
    """The options with other shares of their reranker, and fewer candidates."""
    if not options.rerank:
        return []
    return [
        *(replace(options, rerank_share=share) for share in SHARES),
        *(replace(options, candidates=n) for n in CANDIDATES),
    ]


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def changed_constants(options: QueryOptions) -> dict[str, float]:
    """Constants of the fusion that differ from the defaults."""
    present = options.fusion_parameters or DEFAULT_FUSION
    return {n: v for n, v in present._asdict().items() if v != getattr(DEFAULT_FUSION, n)}


def complexity(options: QueryOptions) -> int:
    """Number of settings that differ from the defaults, each constant of the fusion by itself."""
    changed = changed_options(options)
    changed.pop("fusion_parameters", None)
    return len(changed) + len(changed_constants(options))


def describe(options: QueryOptions) -> str:
    """The settings that differ from the defaults, in one line."""
    words: list[str] = []
    settings: Mapping[str, Any] = changed_options(options)
    for name, value in settings.items():
        if name == "instruction":
            words.append("no instruction")
        elif name == "fusion_parameters":
            words += [f"{n} {v:g}" for n, v in changed_constants(options).items()]
        else:
            words.append(f"{name.replace('_', ' ')} {value}")
    return ", ".join(words) or "defaults"
