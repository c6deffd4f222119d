"""Matching: what meets, what breaks and why; and the set-based passes against the obvious ones."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.matching import BREAKS
from tests.reconciliation import obvious
from tests.reconciliation.by_hand import Row, broken, explained, item, line, matched, met, references


def test_the_banks_serial_comes_before_a_reference_and_says_so() -> None:
    lines = [line("L1", 100, serial="B1", remark="R1")]
    found = met(lines, [item("I1", 100, reference="R1"), item("I2", 100, serial="B1")])
    assert matched(found) == [("L1", "I2", "serial")]
    assert "B1" in found.matches["evidence"][0]
    assert broken(found) == [("", "I1", "not_on_statement")]


def test_a_reference_in_the_remark_or_as_end_to_end_id_meets_its_item_at_any_distance() -> None:
    lines = [line("L1", 100, remark="学费 R1 三年级"), line("L2", -200, end_to_end="P-7", booked_on="2026-01-01")]
    found = met(lines, [item("I1", 100, reference="R1"), item("I2", -200, reference="P-7")])
    assert sorted(matched(found)) == [("L1", "I1", "reference"), ("L2", "I2", "reference")]
    assert found.breaks.empty


@pytest.mark.parametrize(
    ("amount", "kind", "word"),
    [(90, "under", "少 0.10"), (110, "over", "多 0.10"), (-100, "opposite_direction", "方向相反")],
)
@pytest.mark.parametrize("identity", [{"remark": "R1"}, {"serial": "B1"}])
def test_the_same_identity_with_another_amount_is_a_break_and_never_a_match(
    amount: int, kind: str, word: str, identity: dict[str, str]
) -> None:
    payer = {"counterparty": "张三", "counterparty_account": "6222"}
    lines = [line("L1", amount, **identity, **payer)]
    found = met(lines, [item("I1", 100, reference="R1", serial="B1", **payer)])
    assert matched(found) == []
    assert broken(found) == [("L1", "I1", kind)]
    assert word in found.breaks["detail"][0]


def test_two_part_payments_of_one_order_both_name_it() -> None:
    found = met([line("L1", 40, remark="R1"), line("L2", 60, remark="R1")], [item("I1", 100, reference="R1")])
    assert broken(found) == [("L1", "I1", "partial"), ("L2", "I1", "partial")]


@pytest.mark.parametrize("identity", [{"remark": "R1"}, {"serial": "B1"}])
def test_of_two_equal_lines_with_one_identity_the_first_meets_and_the_second_is_a_duplicate(
    identity: dict[str, str],
) -> None:
    lines = [line("L1", 100, number=2, **identity), line("L2", 100, number=1, **identity)]
    found = met(lines, [item("I1", 100, reference="R1", serial="B1")])
    assert [line_key for line_key, _, _ in matched(found)] == ["L2"]
    assert broken(found) == [("L1", "I1", "duplicate")]


def test_of_two_equal_lines_without_identity_neither_meets_the_one_item() -> None:
    payer = {"counterparty_account": "6222"}
    found = met([line("L1", 100, **payer), line("L2", 100, **payer)], [item("I1", 100, **payer)])
    assert matched(found) == []
    assert sorted(broken(found)) == [
        ("", "I1", "not_on_statement"),
        ("L1", "", "not_in_books"),
        ("L2", "", "not_in_books"),
    ]


def test_payments_of_one_batch_share_a_serial_and_meet_by_their_own_references() -> None:
    lines = [line(f"L{n}", 100, serial="B1", remark=f"R{n}") for n in (1, 2, 3)]
    items = [item("I1", 100, serial="B1", reference="R2"), item("I2", 100, reference="R1")]
    found = met(lines, items)
    assert sorted(matched(found)) == [("L1", "I2", "reference"), ("L2", "I1", "serial")]
    assert broken(found) == [("L3", "", "not_in_books")]


@pytest.mark.parametrize(("on", "matches"), [("2026-10-05", 1), ("2026-10-04", 0)])
def test_a_payer_who_is_unique_on_both_sides_meets_within_the_days(on: str, matches: int) -> None:
    found = met([line("L1", 100, counterparty="张 三")], [item("I1", 100, counterparty="张三", on=on)])
    assert len(found.matches) == matches


def test_a_payer_with_two_expected_items_meets_neither() -> None:
    payer = {"counterparty": "张三"}
    found = met([line("L1", 100, **payer)], [item("I1", 100, **payer), item("I2", 100, **payer)])
    assert matched(found) == []


def test_two_people_of_one_name_are_told_apart_by_their_accounts() -> None:
    first = {"counterparty": "张三", "counterparty_account": "6222"}
    found = met([line("L1", 100, **first)], [item("I1", 100, **{**first, "counterparty_account": "6333"})])
    assert matched(found) == []


def test_a_masked_payer_is_nobody() -> None:
    masked = {"counterparty": "张**", "counterparty_account": "6222****1111"}
    assert matched(met([line("L1", 100, **masked)], [item("I1", 100, **masked)])) == []


def test_a_line_that_names_a_reference_never_falls_back_on_its_payer() -> None:
    payer = {"counterparty_account": "6222"}
    found = met([line("L1", 100, remark="R9", **payer)], [item("I1", 100, reference="R1", **payer)])
    assert matched(found) == []


def test_a_line_that_names_two_of_our_references_is_for_a_person_to_decide() -> None:
    found = met([line("L1", 100, remark="R1 R2")], [item(f"I{n}", 100, reference=f"R{n}") for n in (1, 2)])
    assert broken(found)[0] == ("L1", "", "ambiguous")
    assert "R1、R2" in found.breaks["detail"][0]


def test_nothing_on_either_side_is_no_break() -> None:
    found = met([], [])
    assert found.matches.empty
    assert found.breaks.empty


def test_a_key_that_stands_twice_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="stands twice: L1"):
        met([line("L1", 1), line("L1", 2)], [])


few = st.sampled_from
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "amount": few([100, 200, -100]),
            "number": st.integers(1, 3),
            "booked_on": few(["2026-10-08", "2026-10-10", "2026-10-20"]),
            "booked_at": few(["", "09:00:00"]),
            "serial": few(["", "", "B1", "B2"]),
            "end_to_end": few(["", "", "R3"]),
            "remark": few(["", "", "R1", "R2", "R1 R2", "R9", "学费"]),
            "counterparty": few(["", "张三", "李四", "王*"]),
            "counterparty_account": few(["", "6222", "6333", "62**"]),
            "reversal": few([False, False, True]),
            "nature": few(["transfer", "transfer", "fee"]),
        }
    ),
    max_size=7,
)
ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "amount": few([100, 200, -100]),
            "reference": few(["", "R1", "R2", "R3"]),
            "serial": few(["", "B1", "B2"]),
            "counterparty": few(["", "张三", "李四", "王*"]),
            "counterparty_account": few(["", "6222", "6333", "62**"]),
            "on": few(["2026-10-08", "2026-10-12", "2026-10-20"]),
        }
    ),
    max_size=7,
)


@given(LINES, ITEMS, st.integers(0, 4), st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_sets_agree_with_the_obvious_way_and_lose_nothing(
    drawn_lines: list[Row], drawn_items: list[Row], days: int, dice: Any
) -> None:
    lines = [line(f"L{n}", each.pop("amount"), **each) for n, each in enumerate(map(dict, drawn_lines))]
    items = [item(f"I{n}", each.pop("amount"), **each) for n, each in enumerate(map(dict, drawn_items))]
    found = met(lines, items, days)
    slow = obvious.match([dict(each) for each in lines], [dict(each) for each in items], references, days)

    assert sorted(matched(found)) == sorted(slow.matches)
    assert sorted(broken(found)) == sorted(slow.breaks)

    assert sorted(explained(found)) == sorted(slow.explained)

    everywhere = matched(found) + broken(found)
    assert sorted(key for key, _, _ in everywhere + explained(found) if key) == sorted(each["key"] for each in lines)
    assert {key for _, key, _ in everywhere if key} == {each["key"] for each in items}
    assert found.matches["item_key"].is_unique
    assert {kind for _, _, kind in broken(found)} <= set(BREAKS)

    dice.shuffle(lines)
    dice.shuffle(items)
    again = met(lines, items, days)
    pd.testing.assert_frame_equal(again.matches, found.matches)
    pd.testing.assert_frame_equal(again.explained, found.explained)
    pd.testing.assert_frame_equal(again.breaks, found.breaks)
    pd.testing.assert_frame_equal(again.proposals, found.proposals)
