"""Sources in Python, JavaScript, TypeScript, Ruby, Bash and PHP."""

from __future__ import annotations

PYTHON = '''§
"""Кошик, naïve 🧺: bytes and characters differ from here on."""

import os
from decimal import Decimal

RATE = Decimal("0.2")


§ Basket
# What somebody is going to buy, à la carte.
@final
class Basket:
    """A basket."""

    size: int = 0

    § Basket.total
    # The sum of it all.
    @property
    def total(self) -> Decimal:
        """All prices, taxes included."""
        return sum(p for p in self.prices) * (1 + RATE)

    § Basket.add
    async def add(self, price: Decimal) -> None:
        def rounded(x):
            return round(x, 2)

        self.prices.append(rounded(price))

    § Basket.Line
    class Line:
        """One thing of many in a basket, with its name and number."""

        def show(self):
            return f"{self.number} × {self.name}"


§ refund
# Money goes back by the way it came.
@cache
@retry(times=3)
def refund(order: str, reason: str = "") -> bool:
    # nobody has to say why
    return order in ORDERS
'''

JAVASCRIPT = """§
// Кошик 🧺: der Warenkorb, naïve.
import { taxes } from "./taxes.js";
import { orders, refunds as sent } from "./orders.js";

const RATE = 0.2;

§ Basket
/** What somebody is going to buy. */
export class Basket {
  #prices = [];
  static EMPTY = new Basket();
  currency = "EUR";
  country = "DE";

  § Basket.total
  /** The sum of it all, taxes included. */
  get total() {
    return this.#prices.reduce((a, b) => a + b, 0) * (1 + RATE);
  }

  § Basket.add
  // Takes only numbers.
  async add(price) {
    const rounded = (x) => Math.round(x * 100) / 100;
    this.#prices.push(rounded(price));
  }
}

§ refund
// Money goes back by the way it came.
export const refund = async (order, reason = "") => {
  return orders.includes(order) && !order.startsWith("x");
};

§ ids
/* One after another. */
function* ids(start) {
  for (let i = start; ; i++) yield `${start}-${i}-of-many`;
}
"""

TYPESCRIPT = """§
// Кошик 🧺: der Warenkorb, naïve.
import { taxes } from "./taxes";
import { orders, refunds as sent } from "./orders";

const RATE: number = 0.2;

§ Line
/** One thing of many. */
export interface Line {
  readonly name: string;
  price: number;
  show(currency: string): string;
}

§ Basket
/** What somebody is going to buy. */
@Injectable({ providedIn: "root" })
export class Basket<T extends Line> {
  private lines: T[] = [];
  protected readonly currency: string = "EUR";

  § Basket.total
  /** The sum of it all. */
  @Memo()
  get total(): number {
    return this.lines.reduce((a, b) => a + b.price, 0) * RATE;
  }

  § Basket.add
  // Takes only lines that have a price.
  public async add(line: T): Promise<void> {
    if (line.price > 0) this.lines.push(line);
  }
}

§ Shop.open
namespace Shop {
  // From nine to five, but for Sundays and holidays.
  export function open(hour: number): boolean {
    return hour > 8 && hour < 17;
  }
  § Shop.Day
  // Days on which a shop may be open at all.
  export enum Day { Monday, Tuesday, Wednesday, Thursday, Friday, Saturday }
}

§ refund
// Money goes back by the way it came.
export const refund = async (order: string): Promise<boolean> =>
  orders.includes(order) && !order.startsWith("x");
"""

TSX = """§
// Кошик 🧺: der Warenkorb, naïve.
import { taxes } from "./taxes";
import { orders, refunds as sent } from "./orders";

§ Row
/** One row of what is bought. */
export function Row({ name, price }: Props) {
  return <li className="row">{name}: {price.toFixed(2)}</li>;
}

§ Basket
/** All of what is bought, and what it costs. */
export const Basket: React.FC<Props> = ({ lines }) => (
  <ul>{lines.map(Row)}</ul>
);
"""

RUBY = """§
# Кошик 🧺: der Warenkorb, naïve.
require "json"
require "bigdecimal"

RATE = BigDecimal("0.2")
DAYS = %w[Monday Tuesday]

§ Shop.Basket.total
module Shop
  # What somebody is going to buy.
  class Basket
    # The sum of it all.
    def total
      @prices.sum { |p| p.round(2) } * (1 + RATE)
    end

    § Shop.Basket.empty
    # None of it, for those who do not know yet.
    def self.empty
      new([], owner: nil, country: "DE")
    end
  end
end

§ refund
# Money goes back by the way it came.
def refund(order, reason = nil)
  !order.start_with?("x") && ORDERS.include?(order)
end
"""

BASH = """§
#!/usr/bin/env bash
# Кошик 🧺: der Warenkorb, naïve.
set -euo pipefail
RATE=0.2
ORDERS="$HOME/orders"

§ total
# The sum of it all, taxes included.
total() {
    local sum=0 price
    for price in "$@"; do sum=$((sum + price)); done
    echo "$sum"
}

§ refund
# Money goes back by the way it came.
function refund {
    [[ $1 != x* ]] && grep -q "$1" "$ORDERS"
}

§
total 1 2 3
refund "$1" || echo "no such order, naïvement" >&2
"""

PHP = """§
<?php
// Кошик 🧺: der Warenkorb, naïve.
namespace Shop;

use Shop\\Lines\\Line;

const RATE = 0.2;

§ Basket
/** What somebody is going to buy. */
#[Entity]
final class Basket implements Countable
{
    private array $prices = [];
    private ?string $owner = null;

    § Basket.total
    /** The sum of it all, taxes included. */
    #[Pure]
    public function total(): float
    {
        return array_sum($this->prices) * (1 + RATE);
    }

    § Basket.add
    // Takes only what has a price.
    public function add(float $price): void
    {
        if ($price > 0) { $this->prices[] = $price; }
    }
}

§ refund
// Money goes back by the way it came.
function refund(string $order, ?string $reason = null): bool
{
    return !str_starts_with($order, "x");
}
"""
