"""Proposals: lines that together make an item, items that one line pays; exact, unique, and never a match."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation import subsets
from tests.reconciliation.by_hand import broken, item, line, matched, met, proposed

PAYER = {"counterparty_account": "6222"}


def test_two_parts_of_one_reference_that_make_the_item_are_proposed_and_stay_breaks() -> None:
    lines = [line("L1", 40, remark="R1"), line("L2", 60, remark="R1", booked_on="2026-12-01")]
    found = met(lines, [item("I1", 100, reference="R1")])
    assert proposed(found) == [("split", ["L1", "L2"], ["I1"])]
    assert matched(found) == []
    assert broken(found) == [("L1", "I1", "partial"), ("L2", "I1", "partial")]


def test_two_parts_that_do_not_make_the_item_are_not_proposed() -> None:
    found = met([line("L1", 40, remark="R1"), line("L2", 50, remark="R1")], [item("I1", 100, reference="R1")])
    assert proposed(found) == []


def test_a_line_that_names_two_orders_and_pays_both_is_proposed() -> None:
    items = [item(f"I{n}", 100 * n, reference=f"R{n}") for n in (1, 2, 3)]
    assert proposed(met([line("L1", 300, remark="R1 R2")], items)) == [("merged", ["L1"], ["I1", "I2"])]
    assert proposed(met([line("L1", 301, remark="R1 R2")], items)) == []


@pytest.mark.parametrize(("day", "found"), [("2026-10-15", 1), ("2026-10-16", 0)])
def test_a_payers_lines_within_seven_days_that_make_the_item_are_proposed(day: str, found: int) -> None:
    lines = [line("L1", 40, **PAYER), line("L2", 60, booked_on=day, **PAYER), line("L3", 999, **PAYER)]
    told = proposed(met(lines, [item("I1", 100, **PAYER)]))
    assert told == [("split", ["L1", "L2"], ["I1"])] * found


def test_a_payers_line_that_pays_two_items_is_proposed() -> None:
    items = [item("I1", 40, **PAYER), item("I2", 60, **PAYER), item("I3", -60, **PAYER)]
    assert proposed(met([line("L1", 100, **PAYER)], items)) == [("merged", ["L1"], ["I1", "I2"])]


def test_one_part_under_the_reference_and_the_rest_without_it() -> None:
    lines = [line("L1", 40, remark="R1", **PAYER), line("L2", 60, **PAYER)]
    assert proposed(met(lines, [item("I1", 100, reference="R1", **PAYER)])) == [("split", ["L1", "L2"], ["I1"])]


def test_where_several_combinations_fit_none_is_proposed() -> None:
    lines = [line(f"L{n}", 50, number=n, **PAYER) for n in (1, 2, 3)]
    assert proposed(met(lines, [item("I1", 100, **PAYER)])) == []


def test_where_two_items_could_have_the_same_lines_neither_gets_them() -> None:
    lines = [line("L1", 40, **PAYER), line("L2", 60, **PAYER)]
    assert proposed(met(lines, [item("I1", 100, **PAYER), item("I2", 100, **PAYER)])) == []


def test_a_line_that_names_another_order_is_no_part() -> None:
    lines = [line("L1", 40, remark="R9", **PAYER), line("L2", 60, **PAYER)]
    assert proposed(met(lines, [item("I1", 100, **PAYER)])) == []


def test_more_than_twelve_candidates_are_not_tried() -> None:
    lines = [line(f"L{n}", 2**n, number=n, **PAYER) for n in range(13)]
    assert proposed(met(lines, [item("I1", 2**13 - 1, **PAYER)])) == []
    assert len(met(lines[:12], [item("I1", 2**12 - 1, **PAYER)]).proposals) == 12


def test_a_proposal_has_the_same_id_in_every_run() -> None:
    lines, items = [line("L1", 40, **PAYER), line("L2", 60, **PAYER)], [item("I1", 100, **PAYER)]
    first = met(lines, items).proposals
    again = met([*lines[::-1], line("L0", 7)], [*items, item("I0", 8)]).proposals
    assert first.equals(again)
    assert "组合唯一" in first["evidence"][0]


@given(st.lists(st.integers(1, 12), max_size=9), st.integers(1, 60))
@settings(deadline=None)
def test_the_only_combination_is_that_of_trying_each(amounts: list[int], total: int) -> None:
    all_of_them = [
        list(places)
        for size in range(2, len(amounts) + 1)
        for places in combinations(range(len(amounts)), size)
        if sum(amounts[place] for place in places) == total
    ]
    assert subsets.the_only(amounts, total) == (all_of_them[0] if len(all_of_them) == 1 else None)
