"""Sources in Go, Rust, Java, C, C++ and C#."""

from __future__ import annotations

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
