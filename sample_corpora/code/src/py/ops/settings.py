import json
import os
from pathlib import Path

DEFAULTS = {
    "port": 8080,
    "debug": False,
    "database": {"url": "sqlite:///app.db", "pool": 5},
}


def _merge(base, extra):
    out = dict(base)
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = _merge(out[key], value)
        else:
            out[key] = value
    return out


def _coerce(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def _from_environment(prefix, environ):
    tree = {}
    for name, raw in environ.items():
        if not name.startswith(prefix):
            continue
        path = name[len(prefix):].lower().split("__")
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = _coerce(raw)
    return tree


def load(file=None, prefix="APP_", environ=os.environ):
    """Defaults, then the file, then APP_* variables; the later one wins."""
    result = DEFAULTS
    if file and Path(file).exists():
        result = _merge(result, json.loads(Path(file).read_text("utf-8")))
    return _merge(result, _from_environment(prefix, environ))
