def distance(a, b, limit=None):
    if len(a) < len(b):
        a, b = b, a
    if limit is not None and len(a) - len(b) > limit:
        return limit + 1
    previous = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        row = [i]
        for j, cb in enumerate(b, 1):
            row.append(
                min(
                    previous[j] + 1,
                    row[j - 1] + 1,
                    previous[j - 1] + (ca != cb),
                )
            )
        if limit is not None and min(row) > limit:
            return limit + 1
        previous = row
    return previous[-1]


def suggest(word, vocabulary, limit=2, count=3):
    """The few known words nearest to ``word``, for "did you mean" hints."""
    scored = []
    for known in vocabulary:
        d = distance(word.lower(), known.lower(), limit)
        if d <= limit:
            scored.append((d, known))
    scored.sort()
    return [known for _, known in scored[:count]]
