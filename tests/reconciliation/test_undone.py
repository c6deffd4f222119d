"""Money that went the other way again, items that are late, and what an earlier run had met already."""

from datetime import date

import pandas as pd
import pytest

from reconciliation.sides import prepared
from tests.reconciliation.by_hand import broken, explained, item, line, matched, met, proposed, references


def test_a_booking_and_its_reversal_explain_each_other_and_the_second_try_meets_the_item() -> None:
    lines = [
        line("L1", 100, remark="R1", serial="B1"),
        line("L2", -100, number=2, serial="B1", reversal=True),
        line("L3", 100, number=3, remark="R1", serial="B3"),
    ]
    found = met(lines, [item("I1", 100, reference="R1")])
    assert explained(found) == [("L1", "reversal", "L2"), ("L2", "reversal", "L1")]
    assert matched(found) == [("L3", "I1", "reference")]
    assert found.breaks.empty


def test_an_item_whose_only_booking_was_taken_back_says_so() -> None:
    lines = [line("L1", 100, remark="R1"), line("L2", -100, number=2, remark="R1", reversal=True)]
    found = met(lines, [item("I1", 100, reference="R1")])
    assert matched(found) == []
    assert broken(found) == [("", "I1", "reversed")]
    assert "银行冲正" in found.breaks["detail"][0]


def test_a_reversal_that_only_its_payer_speaks_for_undoes_no_one_of_two() -> None:
    payer = {"counterparty_account": "6222"}
    lines = [line("L1", 100, **payer), line("L2", 100, number=2, **payer), line("L3", -100, number=3, reversal=True)]
    lines[2] |= payer
    found = met(lines, [])
    assert explained(found) == []
    assert ("L3", "", "reversed") in broken(found)


def test_a_reversal_never_undoes_a_line_that_comes_after_it_or_long_before() -> None:
    lines = [
        line("L1", 100, serial="B1", booked_on="2026-08-01"),
        line("L2", -100, serial="B1", reversal=True),
        line("L3", 100, serial="B1", booked_on="2026-10-09"),
    ]
    assert explained(met(lines, [])) == []


def test_a_reversal_of_what_an_earlier_run_had_met_names_the_item() -> None:
    found = met([line("L2", -100, remark="R1", reversal=True)], [item("I1", 100, reference="R1", met=True)])
    assert broken(found) == [("L2", "I1", "reversed")]


@pytest.mark.parametrize("earlier", [False, True])
def test_a_payout_that_comes_back_under_its_reference_is_bounced_even_less_a_charge(earlier: bool) -> None:
    lines = [line("L2", 90, end_to_end="P-7", booked_on="2026-10-10", remark="退汇", reversal=True)]
    if not earlier:
        lines.append(line("L1", -100, end_to_end="P-7"))
    found = met(lines, [item("I1", -100, reference="P-7", met=earlier)])
    assert broken(found) == [("L2", "I1", "bounced")]
    assert "退回 0.90" in found.breaks["detail"][0]


@pytest.mark.parametrize(("remark", "kind"), [("退汇 账号有误", "bounced"), ("学费", "not_in_books")])
def test_a_payout_that_comes_back_without_its_reference_needs_the_banks_word(remark: str, kind: str) -> None:
    payee = {"counterparty_account": "6222"}
    lines = [line("L1", -100, end_to_end="P-7", **payee), line("L2", 100, number=2, remark=remark, **payee)]
    found = met(lines, [item("I1", -100, reference="P-7", **payee)])
    assert [kind for _, _, kind in broken(found)] == [kind]


def test_what_an_earlier_run_had_met_is_not_met_again_but_names_its_repeat() -> None:
    found = met([line("L1", 100, remark="R1")], [item("I1", 100, reference="R1", met=True)])
    assert matched(found) == []
    assert broken(found) == [("L1", "I1", "duplicate")]
    assert met([], [item("I1", 100, reference="R1", met=True)]).breaks.empty


@pytest.mark.parametrize(
    ("due", "through", "kind"),
    [
        ("2026-10-09", date(2026, 10, 10), "overdue"),
        ("2026-10-09", date(2026, 10, 9), "not_on_statement"),
        ("2026-10-09", None, "not_on_statement"),
        ("", date(2026, 12, 31), "not_on_statement"),
    ],
)
def test_an_item_is_overdue_once_statements_reach_past_its_due_day(due: str, through: date | None, kind: str) -> None:
    found = met([], [item("I1", 100, reference="R1", due=due)], through=through)
    assert broken(found) == [("", "I1", kind)]


@pytest.mark.parametrize(("day", "breaks"), [("2026-10-09", []), ("2026-10-10", [("L1", "I1", "late")])])
def test_an_item_that_came_after_its_due_day_is_met_and_late(day: str, breaks: list[tuple[str, str, str]]) -> None:
    found = met([line("L1", 100, remark="R1", booked_on=day)], [item("I1", 100, reference="R1", due="2026-10-09")])
    assert matched(found) == [("L1", "I1", "reference")]
    assert broken(found) == breaks


def test_interest_and_fees_are_explained_by_the_banks_own_word() -> None:
    lines = [line("L1", 3, nature="interest", remark="结息"), line("L2", -10, nature="fee", remark="手续费")]
    found = met(lines, [])
    assert explained(found) == [("L1", "interest", ""), ("L2", "fee", "")]
    assert found.breaks.empty


def test_two_digits_that_changed_places_are_hinted_at_by_reference_and_by_payer() -> None:
    payer = {"counterparty_account": "6222"}
    lines = [line("L1", 182_000, remark="R1"), line("L2", 6_300, **payer), line("L3", 500, number=9)]
    items = [item("I1", 128_000, reference="R1"), item("I2", 3_600, **payer), item("I3", 600)]
    found = met(lines, items)
    hints = dict(zip(found.breaks["line_key"], found.breaks["hint"], strict=True))
    assert {key for key, hint in hints.items() if hint == "transposed"} == {"L1", "L2"}
    assert ("L2", "I2", "over") in broken(found)
    assert matched(found) == []


def test_one_reference_on_two_accounts_is_two_things() -> None:
    lines = [line("L1", 100, remark="R1", serial="B1", account="A"), line("L2", 100, remark="R1", account="B")]
    items = [item("I2", 100, reference="R1", account="B"), item("I3", 100, serial="B1", account="B")]
    found = met(lines, items)
    assert matched(found) == [("L2", "I2", "reference")]
    assert broken(found) == [("L1", "", "not_in_books"), ("", "I3", "not_on_statement")]


def test_accounts_named_on_one_side_only_are_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="or neither does"):
        prepared(pd.DataFrame({"account": []}), pd.DataFrame(), references)


def test_nothing_is_proposed_where_nothing_is_broken() -> None:
    assert proposed(met([line("L1", 100, remark="R1")], [item("I1", 100, reference="R1")])) == []
