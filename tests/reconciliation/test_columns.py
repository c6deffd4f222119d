"""What is done to whole columns is what would be done to each cell."""

import csv
import unicodedata
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation import columns
from reconciliation.amounts import NotExact, major, majors, minor
from reconciliation.cells import exact, moments
from reconciliation.payers import comparable_accounts, comparable_names
from reconciliation.profiles import Booked
from reconciliation.statement import BadRow
from reconciliation.tables import from_text

CELLS = st.text("12 ,\t\n\r\u3000王a.-", max_size=6)


@given(st.text("12 ,\t\n\u3000王a.-", max_size=80), st.sampled_from(["\n", "\r\n"]), st.sampled_from([",", "\t"]))
def test_a_text_without_quotes_is_cut_as_a_reader_of_csv_would_cut_it(text: str, ends: str, delimiter: str) -> None:
    text = f"{text}1".replace("\n", ends)
    table = from_text(text, delimiter)
    rows = list(csv.reader(StringIO(text, newline=""), delimiter=delimiter))
    assert table.widths.tolist() == list(map(len, rows))
    found = zip(table.cells.itertuples(index=False), table.widths.tolist(), strict=True)
    assert [list(row[:width]) for row, width in found] == [[cell.strip() for cell in row] for row in rows]


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6))
def test_a_quoted_text_keeps_every_cell_whatever_stands_in_it(rows: list[list[str]]) -> None:
    text = StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    table = from_text(text.getvalue(), ",")
    width = max(map(len, rows))
    expected = [[cell.strip() for cell in row] + [""] * (width - len(row)) for row in rows]
    assert [list(row) for row in table.cells.itertuples(index=False)] == expected


WRITTEN = r"[+-]?[0-9]{1,16}(,[0-9]{3})?(\.[0-9]{0,3})?|[0-9]{14,17}\.[0-9]{2}|"


@given(st.lists(st.from_regex(WRITTEN, fullmatch=True), min_size=1))
def test_a_column_of_amounts_is_read_as_each_cell_would_be(cells: list[str]) -> None:
    column = pd.Series(cells, index=range(7, 7 + len(cells)), name="金额", dtype="str")
    expected: list[int] = []
    for row, cell in zip(column.index, cells, strict=True):
        try:
            expected.append(minor(cell, "CNY") if cell else 0)
        except NotExact:
            with pytest.raises(BadRow) as refused:
                exact(column, "CNY")
            assert refused.value.facts["number"] == row
            return
    read = exact(column, "CNY")
    assert read.values.tolist() == expected
    assert read.there.tolist() == [cell != "" for cell in cells]


@given(st.lists(st.integers(-(10**17), 10**17)), st.sampled_from(["CNY", "JPY"]))
def test_a_column_of_amounts_is_written_as_each_would_be(values: list[int], currency: str) -> None:
    assert majors(np.array(values, np.int64), currency).to_pylist() == [major(each, currency) for each in values]


@given(st.lists(st.text("AaZ1 １Ａａ王豈ﾊ龥\u3000-*ßﬁ", max_size=4) | st.text()))
def test_names_and_accounts_are_made_comparable_whatever_they_are_written_in(texts: list[str]) -> None:
    column = pd.Series(texts, dtype="str")
    names = ["" if "*" in each else "".join(unicodedata.normalize("NFKC", each).split()).upper() for each in texts]
    accounts = ["" if "*" in each else "".join(each.replace("-", "").split()).upper() for each in texts]
    assert comparable_names(column).to_pylist() == names
    assert comparable_accounts(column).to_pylist() == accounts


@given(st.lists(st.text("ab", max_size=2)))
def test_what_is_done_once_for_each_distinct_text_is_done_to_all(texts: list[str]) -> None:
    found = columns.mapped(columns.texts(pd.Series(texts, dtype="str")), lambda each: f"<{each}>", unless="^a+$")
    assert found.to_pylist() == [each if each and set(each) == {"a"} else f"<{each}>" for each in texts]


def test_a_date_is_read_under_the_first_form_that_it_has_exactly() -> None:
    cells = pd.DataFrame({"日期": ["2026-10-08 09:05:07", "20261009", "２０２６-10-10"]}, dtype="str")
    forms = ["%Y%m%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]
    days, times = moments(cells, Booked(date="日期", formats=forms))
    assert days.to_pylist() == ["2026-10-08", "2026-10-09", "2026-10-10"]
    assert times.to_pylist() == ["09:05:07", "", ""]


@pytest.mark.parametrize("wrong", ["2026-02-30 09:00:00", "2026-10-08 25:00:00", "2026-10-08  09:00:00", "09:00:00"])
def test_a_day_or_a_time_that_does_not_exist_is_no_date(wrong: str) -> None:
    cells = pd.DataFrame({"日期": ["2026-10-08 09:00:00", wrong]}, index=[4, 5], dtype="str")
    with pytest.raises(BadRow, match="row 5"):
        moments(cells, Booked(date="日期", formats=["%Y-%m-%d %H:%M:%S"]))
