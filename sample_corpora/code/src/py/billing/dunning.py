"""Which reminder letter an unpaid bill should get today."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

STEPS = (
    (7, "friendly", Decimal("0")),
    (21, "firm", Decimal("5")),
    (45, "final", Decimal("15")),
)


@dataclass
class Bill:
    number: str
    due: date
    amount: Decimal
    paid: Decimal = Decimal("0")
    last_step: str = ""

    @property
    def outstanding(self):
        return max(Decimal("0"), self.amount - self.paid)


def next_step(bill, today):
    if not bill.outstanding:
        return None
    late = (today - bill.due).days
    chosen = None
    for days, name, fee in STEPS:
        if late >= days:
            chosen = (name, fee)
    if chosen is None or chosen[0] == bill.last_step:
        return None
    return chosen


def run(bills, today):
    letters = []
    for bill in bills:
        step = next_step(bill, today)
        if step is None:
            continue
        name, fee = step
        bill.last_step = name
        letters.append(
            {
                "bill": bill.number,
                "tone": name,
                "fee": fee,
                "pay_by": today + timedelta(days=10),
                "amount": bill.outstanding + fee,
            }
        )
    return letters
