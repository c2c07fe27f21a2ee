"""Line by line comparison of two texts by longest common subsequence."""


def _table(old, new):
    rows, cols = len(old), len(new)
    lengths = [[0] * (cols + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(cols - 1, -1, -1):
            if old[i] == new[j]:
                lengths[i][j] = lengths[i + 1][j + 1] + 1
            else:
                lengths[i][j] = max(lengths[i + 1][j], lengths[i][j + 1])
    return lengths


def changes(old, new):
    """Yield (mark, line) pairs; mark is ' ', '-' or '+'."""
    lengths = _table(old, new)
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            yield " ", old[i]
            i += 1
            j += 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            yield "-", old[i]
            i += 1
        else:
            yield "+", new[j]
            j += 1
    for line in old[i:]:
        yield "-", line
    for line in new[j:]:
        yield "+", line


def render(old_text, new_text):
    pairs = changes(old_text.splitlines(), new_text.splitlines())
    return "\n".join(mark + line for mark, line in pairs)


def similarity(old, new):
    same = sum(1 for mark, _ in changes(old, new) if mark == " ")
    total = len(old) + len(new)
    return 1.0 if total == 0 else 2 * same / total
