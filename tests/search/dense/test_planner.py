"""The choice between exact search and the graph."""

from __future__ import annotations

from qembed.search import choose


class TestPlanner:
    def test_a_cold_query_does_not_wait_for_a_graph_to_load(self) -> None:
        plan = choose(wanted="auto", rows=200_000, covered=200_000, queries=1)
        assert plan.kind == "exact"
        assert "cold" in plan.why

    def test_a_loaded_graph_over_many_rows_is_walked(self) -> None:
        plan = choose(wanted="auto", rows=200_000, covered=200_000, queries=1, loaded=True)
        assert plan.kind == "graph"

    def test_many_queries_pay_for_loading(self) -> None:
        plan = choose(wanted="auto", rows=200_000, covered=200_000, queries=1000)
        assert plan.kind == "graph"

    def test_what_is_asked_for_is_done_if_it_can_be(self) -> None:
        assert choose(wanted="graph", rows=10, covered=10, queries=1).kind == "graph"
        assert choose(wanted="exact", rows=10**7, covered=10**7, queries=10**4).kind == "exact"
        assert choose(wanted="graph", rows=10, covered=0, queries=1).kind == "exact"

    def test_one_row_is_one_row(self) -> None:
        assert "1 query over 1 row, " in choose(wanted="auto", rows=1, covered=1, queries=1).why

    def test_a_narrow_filter_is_searched_exactly(self) -> None:
        plan = choose(
            wanted="graph", rows=10**6, covered=10**6, queries=1, loaded=True, allowed=1000
        )
        assert plan.kind == "exact"
        assert "1,000 of 1,000,000" in plan.why

    def test_a_long_tail_makes_the_graph_useless(self) -> None:
        plan = choose(wanted="auto", rows=10**6, covered=5000, queries=10, loaded=True)
        assert plan.kind == "exact"
