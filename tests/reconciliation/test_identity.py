"""A line's key: the same in every file that holds the line, and never shared by two lines."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation import control
from reconciliation.reading import read
from reconciliation.statement import ControlTotalsBroken
from tests.reconciliation.bank_files import NEW_HEADER, NEW_ROWS, OLD_HEADER, OLD_ROWS, corporate, day, entry

ANONYMOUS = "{{a}},6222,2026-10-{day:02d} 09:00:00,贷,{amount}.00,,张三,,学费,转账,,"


def keys(data: bytes) -> list[str]:
    return [key for each in read(data) for key in each.lines["key"]]


def test_the_same_file_twice_gives_the_same_keys() -> None:
    assert keys(corporate(OLD_HEADER, OLD_ROWS)) == keys(corporate(OLD_HEADER, OLD_ROWS, encoding="utf-16"))


def test_two_equal_rows_in_one_file_stay_two() -> None:
    row = ANONYMOUS.format(day=8, amount=100)
    twice = keys(corporate(NEW_HEADER, [row, row]))
    assert len(set(twice)) == 2
    assert keys(corporate(NEW_HEADER, [row])) == twice[:1]


def test_a_key_is_what_it_was_when_the_line_was_stored_years_ago() -> None:
    row = ANONYMOUS.format(day=8, amount=100)
    by_content = ["75600fef7defe26ae2e277cb68420a40", "0214382d268859caadff38a5fb6c9dd8"]
    assert keys(corporate(NEW_HEADER, [row, row])) == by_content
    by_serial = keys(day(entry("1.00", serial="S"), opening="0.00", closing="1.00"))
    assert by_serial == ["fa6ebe12ec21d7591cfebf516b114cca"]


def test_a_transfer_and_its_fee_under_one_serial_stay_two_even_in_two_files() -> None:
    transfer, fee = entry("1.00", serial="S"), entry("0.10", serial="S")
    both = keys(day(transfer, fee, opening="0.00", closing="1.10"))
    apart = keys(day(transfer, opening="0.00", closing="1.00")) + keys(day(fee, opening="1.00", closing="1.10"))
    assert both == apart
    assert len(set(both)) == 2


def test_a_serial_identifies_the_line_across_two_layouts_of_the_bank() -> None:
    assert keys(corporate(OLD_HEADER, OLD_ROWS))[:3] == keys(corporate(NEW_HEADER, NEW_ROWS))


def test_a_serial_of_zeros_is_none() -> None:
    zeros = [row.replace("8001", "0000").replace("8002", "0000").replace("8003", "0000") for row in NEW_ROWS]
    assert read(corporate(NEW_HEADER, zeros))[0].lines["serial"].tolist() == ["", "", ""]


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3)), min_size=1, max_size=20),
    st.integers(1, 6),
    st.integers(1, 6),
)
@settings(max_examples=60, deadline=None)
def test_files_that_overlap_by_whole_days_share_exactly_the_lines_they_share(
    payments: list[tuple[int, int]], until: int, since: int
) -> None:
    rows = sorted(payments)
    first, second = [row for row in rows if row[0] <= until], [row for row in rows if row[0] >= since]
    seen = [
        set(
            keys(corporate(NEW_HEADER, [ANONYMOUS.format(day=on, amount=amount) for on, amount in part]))
            if part
            else []
        )
        for part in (first, second)
    ]
    both = [row for row in rows if since <= row[0] <= until]
    assert [len(each) for each in seen] == [len(first), len(second)]
    assert len(seen[0] & seen[1]) == len(both)


def test_a_statement_must_open_where_the_last_one_closed() -> None:
    (found,) = read(day(entry("1.00"), opening="5.00", closing="6.00"))
    control.follows(500, found)
    assert control.gap(500, found) == 0
    assert control.gap(450, found) == 50
    with pytest.raises(ControlTotalsBroken, match=r"opens with 5\.00, the previous one closed with 4\.50"):
        control.follows(450, found)


def test_a_file_without_balances_has_no_known_gap() -> None:
    (found,) = read(corporate(NEW_HEADER, NEW_ROWS))
    assert control.gap(0, found) is None
    assert found.begins == date(2026, 10, 8)
