"""Templates: the text that is encoded for a query and a passage, byte for byte.

Templates are filled by one pass of literal replacement, never by `str.format`: a query that holds
braces, or even the text "{task}", is not changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from qembed.errors import UsageError
from qembed.models.profiles import TASKS, Profile

TITLE_RULES = ("title text", "title headings text", "none")
BETWEEN = " > "
"""Separator between a title and the headings below it."""

# other braces, as in `{"q": …}`, are text
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_NO_BLANKS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
"""Letters of Thai, Lao, Burmese, Khmer, Japanese and Chinese, which put no blanks between words."""
_HEADING = re.compile(r"\s*(?:#+\s*)?")


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Replace every known placeholder of `template`, in one pass over the template alone."""
    return _PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), template)


def query_text(template: str, query: str, task: str | None) -> str:
    """Text that is encoded for a query.

    task: full text of a task (see `resolve_task`); None puts the web search task into a `{task}`
    template, the default of every model here that has one.
    """
    return _fill(template, {"task": TASKS["web"] if task is None else task, "query": query})


def passage_text(template: str, title_rule: str, title: str, text: str, label: str = "") -> str:
    """Text that is encoded for a passage. Raises UsageError for an unknown title rule.

    Rule "title text": `(title + " " + text).strip()`, BEIR's own rendering, unless the text begins
    with its title already (a Markdown heading counts), then the text alone. Rule "none": the text.
    A template with a `{title}` of its own gets the title there, or the word "none" (EmbeddingGemma's
    card), and the text without it. Rule "title headings text" extends the title by `label`, the
    headings that a passage stands under (`Guide > Refunds`) or the symbol that its code defines, without
    the title and without headings that the text begins with.
    """
    if title_rule not in TITLE_RULES:
        known = ", ".join(repr(rule) for rule in TITLE_RULES)
        raise UsageError(f"unknown title rule {title_rule!r} (known: {known})")
    titled = title_rule != "none"
    if title_rule == "title headings text" and label and not _begins_with(text, title.strip()):
        title = BETWEEN.join([*([title] if title.strip() else []), *_headings(title, label, text)])
    if "{title}" in template:
        shown = title.strip() if titled else ""
        return _fill(template, {"title": shown or "none", "text": text})
    if titled and not _begins_with(text, title.strip()):
        text = f"{title} {text}".strip()
    return _fill(template, {"text": text})


def _headings(title: str, label: str, text: str) -> list[str]:
    """Headings of a label that neither the title nor the text repeats."""
    path = label.split(BETWEEN)
    if path[0] == title.strip():
        path = path[1:]
    repeated = (i for i, heading in enumerate(path) if _begins_with(text, heading))
    return path[: next(repeated, len(path))]


def _begins_with(text: str, title: str) -> bool:
    """True if `text`, after white space and `#`s, starts with the whole words of `title`."""
    if not title:
        return False
    heading = _HEADING.match(text)
    start = heading.end() if heading else 0
    end = start + len(title)
    return text.startswith(title, start) and not text[end : end + 1].isalnum()


def check_template(template: str) -> None:
    """Check that a query template holds `{query}` once and no unknown placeholder. Raises UsageError."""
    names = _PLACEHOLDER.findall(template)
    wrong: list[str] = []
    if names.count("query") != 1:
        wrong.append(f"{{query}} must stand in it once, it stands {names.count('query')} times")
    unknown = sorted(set(names) - {"query", "task"})
    if unknown:
        wrong.append("unknown: " + ", ".join(f"{{{name}}}" for name in unknown))
    if wrong:
        raise UsageError(
            f"bad query template {template!r}: {'; '.join(wrong)} "
            "(example: 'Instruct: {task}\\nQuery:{query}')"
        )


def task_template(
    profile: Profile, task: str | None, template: str | None = None
) -> tuple[str, str | None]:
    """(query template, full text of its task) for a task by name or in full.

    `template` goes before the model's own. The name of one of the folder's own prompts stands for that
    prompt, unless it is a task in `TASKS` and the model's template has a place for it. Raises UsageError.
    """
    chosen = template or profile.query
    if task is None:
        return chosen, profile.task
    own, name = dict(profile.prompts), own_prompt_name(profile, task)
    if template is None and name is not None and not ("{task}" in chosen and name in TASKS):
        return own[name] + "{query}", None
    return chosen, resolve_task(task, profile)


def own_prompt_name(profile: Profile, task: str | None) -> str | None:
    """Name of a model's own prompt that a task names, blanks around it aside. None if it names none."""
    own = dict(profile.prompts)
    return next((t for t in ((task, task.strip()) if task is not None else ()) if t in own), None)


def takes_task(profile: Profile, task: str, template: str | None = None) -> bool:
    """True if a task changes what is encoded: by a place in the template, or by a prompt of its name."""
    chosen, _ = task_template(profile, task, template)
    return "{task}" in chosen or (template is None and own_prompt_name(profile, task) is not None)


def resolve_task(name_or_text: str | None, profile: Profile) -> str:
    """Full text of a task: of a name in `TASKS`, free text unchanged, for None the profile's task.

    Blanks around a name do not count. Raises UsageError for an empty task, and for one word that is no
    name: an instruction has several.
    """
    if name_or_text is None:
        return profile.task or TASKS["web"]
    name = name_or_text.strip()
    if name in TASKS:
        return TASKS[name]
    if not name:
        raise UsageError(f"empty task (name one of {', '.join(TASKS)}, or write it out)")
    if len(name.split()) > 1 or _NO_BLANKS.search(name):
        return name_or_text
    # "wbe" would otherwise be encoded as an instruction, and only the measures would show it
    names = {n.lower(): n for n in (*TASKS, *dict(profile.prompts))}
    if close := get_close_matches(name.lower(), names, n=1):
        raise UsageError(f"unknown task {name!r}: did you mean {names[close[0]]!r}?")
    known = ", ".join(names.values())
    raise UsageError(f"unknown task {name!r} (names: {known}; else write a sentence)")
