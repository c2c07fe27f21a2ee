FACTORS = {
    "length": {"m": 1.0, "km": 1000.0, "cm": 0.01, "mi": 1609.344, "ft": 0.3048, "in": 0.0254},
    "mass": {"kg": 1.0, "g": 0.001, "lb": 0.45359237, "oz": 0.028349523125},
    "time": {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0},
}

OFFSETS = {"c": (1.0, 273.15), "k": (1.0, 0.0), "f": (5 / 9, 459.67 * 5 / 9)}


class Incompatible(ValueError):
    pass


def _family(name):
    for family, table in FACTORS.items():
        if name in table:
            return family
    if name in OFFSETS:
        return "temperature"
    raise Incompatible(f"unknown: {name}")


def convert(value, source, target):
    source, target = source.lower(), target.lower()
    family = _family(source)
    if family != _family(target):
        raise Incompatible(f"{source} and {target} do not measure the same thing")
    if family == "temperature":
        scale, shift = OFFSETS[source]
        kelvin = value * scale + shift
        scale, shift = OFFSETS[target]
        return (kelvin - shift) / scale
    table = FACTORS[family]
    return value * table[source] / table[target]
