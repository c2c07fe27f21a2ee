from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    description: str
    quantity: Decimal
    unit_price: Decimal
    vat_rate: Decimal
    discount: Decimal = Decimal(0)

    @property
    def net(self):
        gross = self.quantity * self.unit_price
        return gross * (1 - self.discount)


@dataclass(frozen=True)
class Totals:
    net: Decimal
    vat_by_rate: dict
    payable: Decimal


def _cents(value):
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def totals(lines):
    # VAT is worked out once per rate on the summed amount, not line by line:
    # rounding each line first can drift by several cents on long documents.
    bases = defaultdict(Decimal)
    for line in lines:
        bases[line.vat_rate] += line.net
    vat = {rate: _cents(base * rate) for rate, base in sorted(bases.items())}
    net = _cents(sum(bases.values(), Decimal(0)))
    return Totals(net=net, vat_by_rate=vat, payable=net + sum(vat.values(), Decimal(0)))


def split_evenly(amount, parts):
    """Divide an amount so that the shares add up to it exactly."""
    share = (amount / parts).quantize(CENT, rounding="ROUND_DOWN")
    left = int((amount - share * parts) / CENT)
    return [share + CENT if i < left else share for i in range(parts)]
