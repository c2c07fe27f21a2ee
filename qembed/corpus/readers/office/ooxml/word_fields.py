"""Fields of Word: a code that is not shown, and its result, which is."""

from __future__ import annotations

from qembed.corpus.readers.office.ooxml.package import (
    Element,
    attribute,
    child,
    descendants,
    is_on,
    name_of,
)

DELETED = frozenset(("del", "moveFrom"))
"""Elements of a tracked change that hold what was there before."""


class Fields:
    """The fields of a story: the body, a note, a text box. Its runs are told of in their order.

    A field that is never ended is none: its text is shown, as Word does.
    """

    def __init__(self, story: Element) -> None:
        self._whole = _whole(story)
        self._open: list[bool] = []
        """For each field that is open: whether its code goes on."""

    @property
    def in_code(self) -> bool:
        """True in the code of a field, and in whatever is nested in it."""
        return any(self._open)

    def mark(self, element: Element) -> str:
        """Go past a `fldChar`; return the text of a form field that has no result."""
        if element not in self._whole:
            return ""
        kind = attribute(element, "fldCharType")
        if kind == "begin":
            shown = "" if self.in_code else _form(element)
            self._open.append(True)
            return shown
        if kind == "separate":
            self._open[-1] = False
        else:
            self._open.pop()
        return ""


def _whole(story: Element) -> set[Element]:
    """The marks of all fields of a story that begin and end in it, without those of stories inside it."""
    stack: list[list[Element]] = []
    found: set[Element] = set()
    for mark in descendants(story, "fldChar"):
        if _is_elsewhere(mark, story):
            continue
        kind = attribute(mark, "fldCharType")
        if kind == "begin":
            stack.append([mark])
        elif stack and kind == "separate" and len(stack[-1]) == 1:
            stack[-1].append(mark)
        elif stack and kind == "end":
            found.update((*stack.pop(), mark))
    return found


def _is_elsewhere(mark: Element, story: Element) -> bool:
    """True for a mark in a text box or in a deletion: neither is part of the story's text."""
    above = mark.getparent()
    while above is not None and above is not story:
        if name_of(above) in DELETED or name_of(above) == "txbxContent":
            return True
        above = above.getparent()
    return False


def _form(mark: Element) -> str:
    """The choice of a form's list, or the state of its check box."""
    data = child(mark, "ffData")
    choices = child(data, "ddList")
    if choices is not None:
        entries = [attribute(e, "val") for e in choices if name_of(e) == "listEntry"]
        chosen = next(
            (e for n in ("result", "default") if (e := child(choices, n)) is not None), None
        )
        at = attribute(chosen, "val") if chosen is not None else "0"
        return entries[int(at)] if at.isdigit() and int(at) < len(entries) else ""
    box = child(data, "checkBox")
    if box is not None:
        state = child(box, "checked")
        return "☒" if is_on(child(box, "default") if state is None else state) else "☐"
    return ""
