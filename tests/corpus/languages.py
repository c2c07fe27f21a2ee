"""A small source in each language whose grammar is known, and where it has to be cut.

`§ symbol` on a line of its own stands where a passage of that symbol begins (`§` alone: one without), for
passages of 64 of MiniLM's tokens. `unmarked` takes these lines out.
"""

from __future__ import annotations

from typing import NamedTuple


class Cut(NamedTuple):
    """A source, and the symbol and first line (1-based) of each passage."""

    text: str
    passages: list[tuple[str, int]]


def unmarked(marked: str) -> Cut:
    """The source without its marks, and what they say."""
    lines: list[str] = []
    passages = []
    for line in marked.splitlines(keepends=True):
        if line.lstrip().startswith("§"):
            passages.append((line.strip()[1:].strip(), len(lines) + 1))
        else:
            lines.append(line)
    return Cut("".join(lines), passages)


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

GO = """§
// Package shop — Кошик 🧺, naïve.
package shop

import (
	"errors"
	"strings"
)

const Rate = 0.2

§ Basket
// Basket is what somebody is going to buy.
type Basket[T any] struct {
	prices []float64
	lines  map[string]T
}

§ Basket.Total
// Total is the sum of it all, taxes included.
func (b *Basket[T]) Total() float64 {
	sum := 0.0
	for _, p := range b.prices {
		sum += p
	}
	return sum * (1 + Rate)
}

§ Refund
// Refund sends money back by the way it came.
func Refund(order string, reason string) (bool, error) {
	return !strings.HasPrefix(order, "x"), errors.New("none")
}
"""

RUST = """§
//! Кошик 🧺: der Warenkorb, naïve.
use std::collections::HashMap;
use std::fmt::{self, Display};

const RATE: f64 = 0.2;

§ Basket
/// What somebody is going to buy.
#[derive(Debug, Clone)]
pub struct Basket<T> {
    prices: Vec<f64>,
    lines: HashMap<String, T>,
}

§ Basket.total
impl<T> Basket<T> {
    /// The sum of it all, taxes included.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.prices.iter().sum()
    }

    § Basket.add
    // Takes only what has a price.
    pub fn add(&mut self, price: f64) {
        if price > 0.0 {
            self.prices.push(price);
        }
    }
}

§ Basket
impl<T> Display for Basket<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} things", self.prices.len())
    }
}

§ shop.refund
mod shop {
    /// Money goes back by the way it came.
    pub fn refund(order: &str, reason: Option<&str>) -> bool {
        !order.starts_with('x') && reason.is_none()
    }

    § shop.Day
    /// Days on which a shop may be open at all.
    pub enum Day { Monday, Tuesday, Wednesday, Thursday, Friday, Saturday }
}
"""

JAVA = """§
// Кошик 🧺: der Warenkorb, naïve.
package shop;

import java.util.List;

§ Basket
/** What somebody is going to buy. */
@Entity
public class Basket<T extends Line> {
    private final List<T> lines = List.of();

    § Basket.Basket
    /** An empty one, for now, of somebody. */
    public Basket(String owner) {
        this.owner = owner.strip();
    }

    § Basket.total
    /** The sum of it all, taxes included. */
    @Override
    public double total() {
        return lines.stream().mapToDouble(Line::price).sum() * (1 + RATE);
    }

    § Basket.Line
    // One thing of many.
    static class Line {
        double price;
        String name;
        String show() { return name + ": " + price; }
    }
}

§ Refund
// Money goes back by the way it came.
record Refund(String order, String reason) {
    boolean sent() { return !order.startsWith("x") && reason != null; }
}
"""

C = """§
/* Кошик 🧺: der Warenkorb, naïve. */
#include <stdio.h>
#include <string.h>

#define RATE 0.2

static int baskets = 0;

§ basket
/* What somebody is going to buy. */
struct basket {
    double *prices;
    size_t count;
    char owner[64];
};

§ basket_total
/* The sum of it all. */
double basket_total(const struct basket *b)
{
    double sum = 0;
    for (int i = 0; i < b->count; i++)
        sum += *b;
    return sum;
}

§ refund
#ifdef REFUNDS
// Money goes back by the way it came.
static char *refund(char *order, const char *reason)
{
    return strncmp(order, "x", 1) ? order : NULL;
}
#endif
"""

CPP = """§
// Кошик 🧺: der Warenkorb, naïve.
#include <map>
#include <string>
#include <vector>

constexpr double rate = 0.2;

§ shop.Basket
namespace shop {

/// What somebody is going to buy.
template <typename T>
class Basket {
    std::vector<double> prices;
    std::map<std::string, T> lines;
    std::string owner;

public:
    § shop.Basket.total
    /// The sum of it all, taxes included.
    double total() const {
        double sum = 0;
        for (auto p : prices) sum += p;
        return sum * (1 + rate);
    }

    § shop.Basket.add
    // Takes only what has a price.
    void add(const std::string &name, double price) {
        if (price > 0) prices.push_back(price);
    }
};

§ shop.Order::refund
// Money goes back by the way it came.
bool Order::refund(const std::string &order) const {
    return order != "x";
}

}  // namespace shop
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

CSHARP = """§
// Кошик 🧺: der Warenkorb, naïve.
using System;
using System.Collections.Generic;
using System.Linq;

§ Shop.Basket
namespace Shop
{
    /// <summary>What somebody is going to buy.</summary>
    [Serializable]
    public class Basket<T>
    {
        private readonly List<double> prices = new();

        § Shop.Basket.Total
        /// <summary>The sum of it all.</summary>
        [Pure]
        public double Total => prices.Sum() * (1 + Rate);

        § Shop.Basket.Add
        // Takes only what has a price.
        public void Add(string name, double price)
        {
            if (price > 0) prices.Add(price);
        }
    }

    § Shop.ILine
    // One thing of many, by whatever name it goes.
    public interface ILine { string Show(string currency); double Price { get; } }
}
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

LANGUAGES = {
    ".py": PYTHON,
    ".js": JAVASCRIPT,
    ".ts": TYPESCRIPT,
    ".tsx": TSX,
    ".go": GO,
    ".rs": RUST,
    ".java": JAVA,
    ".c": C,
    ".cpp": CPP,
    ".rb": RUBY,
    ".sh": BASH,
    ".cs": CSHARP,
    ".php": PHP,
}
"""Suffix -> source with marks."""
