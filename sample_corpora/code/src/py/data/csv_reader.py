class CsvError(ValueError):
    pass


def rows(text, delimiter=",", quote='"'):
    row, field = [], []
    quoted = False
    i, end = 0, len(text)
    while i < end:
        c = text[i]
        if quoted:
            if c != quote:
                field.append(c)
            elif i + 1 < end and text[i + 1] == quote:
                field.append(quote)
                i += 1
            else:
                quoted = False
        elif c == quote and not field:
            quoted = True
        elif c == delimiter:
            row.append("".join(field))
            field = []
        elif c in "\r\n":
            if c == "\r" and i + 1 < end and text[i + 1] == "\n":
                i += 1
            row.append("".join(field))
            yield row
            row, field = [], []
        else:
            field.append(c)
        i += 1
    if quoted:
        raise CsvError("text ends inside quotes")
    if field or row:
        row.append("".join(field))
        yield row


def records(text, **options):
    stream = rows(text, **options)
    header = next(stream, None)
    if header is None:
        return
    for number, row in enumerate(stream, 2):
        if len(row) != len(header):
            raise CsvError(f"row {number}: {len(row)} fields, {len(header)} expected")
        yield dict(zip(header, row))
