"""Definitions in a passage of code: their first lines, and the one that a query is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.snippets.definitions import definitions
from qembed.pipeline.retrieval.snippets.snippet import passage_snippet
from qembed.types import Passage, Query

PYTHON = """class Basket:
    \"\"\"What a customer buys.\"\"\"

    def add(self, item):
        self.items.append(item)

    async def total(self):
        # a voucher makes it cheaper
        return sum(self.items) - self.voucher


class Order:
    def total(self):
        return self.basket.total() + self.postage
"""
SYMBOLS = "Basket, Order"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("basket", "class Basket:"),
        ("order", "class Order:"),
        ("total of a basket", "async def total(self):"),
        ("total of an order", "def total(self):"),
        ("add to the basket", "def add(self, item):"),
        ("what a customer buys", "class Basket:"),
        ("cheaper by voucher", "async def total(self):"),
        ("total with postage", "def total(self):"),
        ("nothing of the kind", "class Basket:"),
    ],
)
def test_the_class_and_the_method_and_the_best_sentence_choose(query: str, shown: str) -> None:
    passage = Passage("a.py", 0, 0, len(PYTHON), PYTHON, 1, 15, symbol=SYMBOLS)
    snippet = passage_snippet(query, passage)
    assert PYTHON[snippet.start : snippet.end] == shown


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (PYTHON, ["Basket", "Basket.add", "Basket.total", "Order", "Order.total"]),
        ("export default class A extends B {\n  async add(x, y) {\n    this.push(x);\n    if (x) {\n",
         ["A", "A.add"]),
        ("const total = (items) => {\n  items.map((x) => {\n    run(x, {\n", ["total"]),
        ("export const f = async x => x;\nlet n = total(3);\n", ["f"]),
        ("func (b *Basket) Total(x int) int {\n\tfor i := range b.items {\n\t\tsum(i)\n", ["Basket.Total"]),
        ("pub(crate) fn total<'a>(&self) -> u32 {\n    match x {\n        foo(x) => {\n", ["total"]),
        ("impl<T> Shape for Square {\n    fn area(&self) -> f64 {\n", ["Shape", "Shape.area"]),
        ("@Override\npublic static List<Item> items(final int n,\n    int m) throws E {\n"
         "    return find(n, m);\n    catch (E e) {\n", ["items"]),
        ("int Basket::total(int n) {\n  while (n) {\n    n = next(n);\n", ["Basket::total"]),
        ("class Basket\n  def total!(x)\n    sum(x)\n  def self.all\n",
         ["Basket", "Basket.total!", "Basket.self.all"]),
        ("public function total(array $items): int\n{\n    foreach ($items as $x) {\n", ["total"]),
        ("total() {\n  for x in $*; do\n", ["total"]),
        ("# def old():\n// function old() {\nreturn total(1)\nawait foo(\n", []),
        ("The class of things is a def of\nimport typing\n", []),
    ],
)  # fmt: skip
def test_lines_that_begin_a_definition(text: str, names: list[str]) -> None:
    found = definitions(text)
    assert [d.name for d in found] == names
    assert all(text[slice(*d.span)] == text[slice(*d.span)].strip() for d in found)


def test_the_method_of_a_class_that_is_one_passage(tmp_path: Path) -> None:
    pytest.importorskip("tree_sitter")
    (tmp_path / "shop.py").write_text(PYTHON)
    root = tmp_path / ".qembed"
    recipe = RecipeOptions("py:tests.encoders:bag")
    build(root, IndexOptions((str(tmp_path / "shop.py"),), recipe=recipe))
    with Session(root) as session:
        retriever = Retriever(session, QueryOptions(snippets=True))
        for query, line in (("total of a basket", 7), ("total of an order", 13), ("voucher", 7)):
            [result] = retriever.answer([Query("1", query)]).results
            assert result.hits[0].shown_line == line, query
