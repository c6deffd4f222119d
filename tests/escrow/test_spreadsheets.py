"""Tables for Excel and WPS: exact, whole, and dead."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from escrow.spreadsheets import Cell, csv_of, xlsx_of
from ledger.money import Money

AT: Final = datetime(2026, 11, 15, 9, 0, tzinfo=UTC)
ATTACKS: Final = (
    "=1+1",
    "+86 138",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "  =cmd|' /C calc'!A0",
    "https://a.cn",
)


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def cells_of(data: bytes) -> list[list[object]]:
    return [list(row) for row in CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()]


@pytest.mark.parametrize("attack", ATTACKS[:-1])
def test_a_text_that_excel_would_run_is_marked_as_text_in_csv(attack: str) -> None:
    assert rows_of(csv_of(["姓名"], [[attack]])) == [["姓名"], [f"'{attack}"]]


def test_a_text_is_text_in_a_workbook_whatever_it_begins_with() -> None:
    assert cells_of(xlsx_of("预警", ["事由"], [[attack] for attack in ATTACKS], at=AT))[1:] == [
        [each] for each in ATTACKS
    ]


def test_figures_stay_figures_even_when_they_are_negative() -> None:
    columns = ["金额", "课次", "日期", "时刻", "空"]
    row: list[Cell] = [Money(-128_001), -3, date(2026, 11, 15), AT, None]
    assert rows_of(csv_of(columns, [row]))[1] == ["-1280.01", "-3", "2026-11-15", "2026-11-15 17:00:00", ""]
    assert cells_of(xlsx_of("账", columns, [row], at=AT))[1] == [-1280.01, -3, "2026-11-15", "2026-11-15 17:00:00", ""]


@given(st.integers(min_value=-(10**15) + 1, max_value=10**15 - 1))
def test_an_amount_comes_back_from_a_workbook_to_the_fen(minor: int) -> None:
    [[_], [cell]] = cells_of(xlsx_of("账", ["金额"], [[Money(minor)]], at=AT))
    assert isinstance(cell, float | int)
    assert f"{cell:.2f}" == Money(minor).major.replace("-0.00", "0.00")


def test_a_figure_that_excel_would_round_is_kept_as_text() -> None:
    [_, row] = cells_of(xlsx_of("账", ["金额", "账号"], [[Money(10**15), 6222021234567890123]], at=AT))
    assert row == ["10000000000000.00", "6222021234567890123"]


@pytest.mark.parametrize("row", [["一"], ["一", "二", "三"]])
def test_a_ragged_row_is_refused(row: list[str]) -> None:
    with pytest.raises(ValueError, match=f"row 1 has {len(row)} cells under 2 columns"):
        csv_of(["甲", "乙"], [row])
    with pytest.raises(ValueError, match=f"row 1 has {len(row)} cells under 2 columns"):
        xlsx_of("账", ["甲", "乙"], [row], at=AT)


def test_what_a_cell_cannot_hold_whole_is_refused_and_not_cut() -> None:
    with pytest.raises(ValueError, match="row 1 cannot be written"):
        xlsx_of("账", ["证据"], [["长" * 32_768]], at=AT)


def test_the_same_table_gives_the_same_bytes() -> None:
    first, second = (xlsx_of("账", ["甲"], [["=1"], [Money(1)]], at=AT) for _ in range(2))
    assert first == second
