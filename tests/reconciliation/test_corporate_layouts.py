"""Each corporate layout, written by the sandbox bank and read back: every line, sign, name and balance as it was."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.bank.sandbox import corporate_files
from escrow.bank.sandbox.books import ZONE, Account, Kind, Line
from escrow.bank.sandbox.corporate_files import FileKind
from escrow.bank.sandbox.corporate_layouts import LAYOUTS
from escrow.bank.sandbox.statements import Statement
from reconciliation.profiles import heading, known
from reconciliation.reading import read
from reconciliation.statement import BadRow, ControlTotalsBroken, NotAStatement
from reconciliation.statement import Statement as Read
from tests.reconciliation.bank_files import ACCOUNT, SAMPLES, xlsx

BEGINS = date(2026, 10, 8)
SEEN = {
    "CMBC 民生 (header row 12)": "cmbc-corporate",
    "CCB 建行 old (row 6)": "ccb-corporate-old",
    "CCB 建行 2026 (row 3)": "ccb-corporate-2026",
    "ICBC 工行 old (row 3)": "icbc-corporate-old",
    "ICBC 工行 new (row 3)": "icbc-corporate-new",
    "PAB 平安 (row 1)": "pab-corporate",
    "ABC 农行 old (row 1)": "abc-corporate-old",
    "ABC 农行 new (row 1)": "abc-corporate-new",
    "BOC 中行 bilingual (row 8-9; xls or UTF-16 TSV)": "boc-corporate",
    "GHB 华兴 ([HISTORYDETAIL] marker in row 1, header row 2)": "ghb-corporate",
}
"""The published header rows by their names in headers.json."""

NAMES = st.text(
    st.characters(codec="gb18030", categories=("Lo", "Lu", "Ll", "Nd"), include_characters="·()《》&<>\"',"),
    min_size=1,
    max_size=12,
).filter(lambda name: name == " ".join(name.split()) and set(name) - set("-"))
AMOUNTS = st.integers(-(10**12), 10**12).filter(bool)


def statement(amounts: Sequence[int], *, opening: int = 0, party: str = "张三", remark: str = "学费") -> Statement:
    """A statement of our account whose lines follow each other by a minute."""
    lines, balance = [], opening
    for at, amount in enumerate(amounts):
        balance += amount
        kind: Kind = "payment" if amount > 0 else "payout"
        lines.append(
            Line(
                seq=at + 1,
                serial=f"20261008{at:06d}",
                account=ACCOUNT,
                booked_at=datetime(2026, 10, 8, 9, tzinfo=ZONE) + timedelta(minutes=at),
                kind=kind,
                amount_minor=amount,
                balance_minor=balance,
                party=party,
                party_account="6222020200098765432",
                remark=remark,
                reference="TE26100800001K7",
                end_to_end="",
            )
        )
    account = Account(account=ACCOUNT, holder="某某培训学校", currency="CNY", balance_minor=balance, booked_to=0)
    return Statement(
        account=account, begins=BEGINS, ends=BEGINS + timedelta(days=9), opening_minor=opening, lines=tuple(lines)
    )


def written(name: str, told: Statement) -> bytes:
    return corporate_files.write(told, LAYOUTS[name])


def only(data: bytes) -> Read:
    (found,) = read(data, account=ACCOUNT)
    return found


def has(name: str, column: str) -> bool:
    """Whether the layout tells this at all."""
    (profile,) = (each for each in known() if each.name == name)
    return column in profile.columns


@pytest.mark.parametrize("name", LAYOUTS)
@given(
    amounts=st.lists(AMOUNTS, min_size=1, max_size=6),
    opening=st.integers(-(10**12), 10**12),
    party=NAMES,
    encoding=st.sampled_from(["gb18030", "utf-8", "utf-8-sig", "utf-16"]),
    kind=st.sampled_from(get_args(FileKind)),
)
@settings(max_examples=25, deadline=None)
def test_what_the_bank_wrote_is_what_is_read(
    *, name: str, amounts: list[int], opening: int, party: str, encoding: str, kind: FileKind
) -> None:
    told = statement(amounts, opening=opening, party=party)
    rows = corporate_files.rows(told, LAYOUTS[name])

    found = only(corporate_files.saved(rows, file=kind, encoding=encoding))

    lines = found.lines
    assert (found.format, found.account, found.currency) == (name, ACCOUNT, "CNY")
    assert sorted(lines["amount"]) == sorted(amounts)
    assert lines["counterparty"].tolist() == [party] * len(amounts)
    assert all("TE26100800001K7" in remark for remark in lines["remark"])
    if has(name, "balance"):
        assert lines["amount"].tolist() == amounts
        assert (found.opening, found.closing) == (opening, told.closing_minor)
        assert lines["booked_at"].tolist() == [f"{each.booked_at:%H:%M:%S}" for each in told.lines]
    if has(name, "serial") and name != "icbc-corporate-new":
        assert sorted(lines["serial"]) == [each.serial for each in told.lines]
    if has(name, "counterparty_account"):
        assert set(lines["counterparty_account"]) == {"6222020200098765432"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_is_read_as_its_bank_saves_it(name: str) -> None:
    found = only(written(name, statement([128_000, -1_000, 50_000], opening=100)))
    assert (found.format, sorted(found.lines["amount"])) == (name, [-1_000, 50_000, 128_000])
    if LAYOUTS[name].header_row > 2:
        assert (found.begins, found.ends) == (BEGINS, BEGINS + timedelta(days=9))


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_is_read_from_a_workbook_whose_money_is_numbers(name: str) -> None:
    rows = corporate_files.rows(statement([664_0, 1_678, -110], opening=10), LAYOUTS[name])
    (profile,) = (each for each in known() if each.name == name)
    header = next(at for at, row in enumerate(rows) if len(row) == len(profile.header) and row[0] == profile.header[0])
    money = {rows[header].index(column) for column in (*profile.amounts, profile.balance) if column}
    cells: list[list[str | float]] = [
        [
            float(cell.replace(",", "")) if at in money and cell and number > header else cell
            for at, cell in enumerate(row)
        ]
        for number, row in enumerate(rows)
    ]
    assert sorted(only(xlsx(cells)).lines["amount"]) == [-110, 1_678, 6_640]


def test_the_profiles_have_the_published_headers() -> None:
    path = SAMPLES / "cn/corporate_headers/headers.json"
    if not path.exists():
        pytest.skip("the published header rows are not here")
    published = json.loads(path.read_text(encoding="utf-8"))
    assert published.keys() == SEEN.keys()
    profiles = {each.name: each for each in known()}
    assert {name: profiles[SEEN[name]].header for name in published} == published
    written_by_the_bank = {name: LAYOUTS[SEEN[name]].header.split("|") for name in published}
    assert written_by_the_bank == published


def test_every_layout_of_the_sandbox_bank_has_its_profile() -> None:
    profiles = {each.name: each for each in known()}
    assert LAYOUTS.keys() <= profiles.keys()
    for name, layout in LAYOUTS.items():
        assert tuple(map(heading, layout.header.split("|"))) == tuple(map(heading, profiles[name].header))
        assert layout.header_row == profiles[name].header_row


BALANCED = [name for name, layout in LAYOUTS.items() if layout.balances and layout.header_row > 2]


@pytest.mark.parametrize("name", BALANCED)
def test_a_day_on_which_nothing_happened_is_a_statement_where_its_balances_are_stated(name: str) -> None:
    found = only(written(name, statement([], opening=1_234_56)))
    assert (len(found.lines), found.opening, found.closing) == (0, 123_456, 123_456)
    assert (found.begins, found.ends) == (BEGINS, BEGINS + timedelta(days=9))
    assert found.currency == "CNY"


@pytest.mark.parametrize("name", sorted(LAYOUTS.keys() - set(BALANCED)))
def test_and_refused_where_they_are_not(name: str) -> None:
    with pytest.raises(NotAStatement, match="does not state both balances"):
        read(written(name, statement([])), account=ACCOUNT)


@pytest.mark.parametrize("name", BALANCED)
def test_no_lines_while_the_balance_moved_is_an_error(name: str) -> None:
    told = statement([500], opening=100)
    rows = corporate_files.rows(told, LAYOUTS[name])
    rows = [[cell.replace("笔数：1", "笔数：0") for cell in row] for row in rows]
    data = corporate_files.saved(rows[: LAYOUTS[name].header_row], file="csv", encoding="utf-8")
    with pytest.raises(ControlTotalsBroken, match="0 lines"):
        read(data, account=ACCOUNT)


@pytest.mark.parametrize("name", [name for name in BALANCED if name != "cmb-corporate-new"])
@pytest.mark.parametrize(
    ("was", "becomes", "sentence"),
    [
        ("笔数：3", "笔数：4", "states 4 rows and has 3"),
        ("期末余额：1,775.01", "期末余额：1,775.02", r"1775\.02"),
        ("期初余额：5.01", "期初余额：5.02", r"5\.0[12]|1285\.0[12]"),
        ("截止日期：2026-10-17", "截止日期：2026-10-07", "outside the period"),
        ("起始日期：2026-10-08", "起始日期：2026-10-09", "outside the period"),
    ],
)
def test_what_stands_above_the_header_is_held_against_the_lines(
    name: str, was: str, becomes: str, sentence: str
) -> None:
    rows = corporate_files.rows(statement([128_000, -1_000, 50_000], opening=501), LAYOUTS[name])
    turned = [[cell.replace(was, becomes) for cell in row] for row in rows]
    assert turned != rows
    with pytest.raises(ControlTotalsBroken, match=sentence):
        read(corporate_files.saved(turned, file="csv", encoding="gb18030"), account=ACCOUNT)


def test_two_cells_that_state_different_balances_are_refused() -> None:
    rows = corporate_files.rows(statement([500], opening=100), LAYOUTS["ccb-corporate-old"])
    rows[3] = ["期末余额", "6.01"]
    with pytest.raises(BadRow, match=r"row 4, '期末余额:6\.01': row 2 states '6\.00' for the same thing"):
        read(corporate_files.saved(rows, file="csv", encoding="gb18030"))


def test_a_period_that_is_no_date_is_refused_with_its_row() -> None:
    rows = corporate_files.rows(statement([1]), LAYOUTS["icbc-corporate-old"])
    turned = [[cell.replace("2026-10-17", "2026-10-32") for cell in row] for row in rows]
    with pytest.raises(BadRow, match=r"row 2, '截止日期:2026-10-32': '2026-10-32' is no day"):
        read(corporate_files.saved(turned, file="csv", encoding="gb18030"))


def test_of_payer_and_payee_the_one_that_is_not_us_is_the_counterparty() -> None:
    lines = only(written("boc-corporate", statement([500, -200], party="李四"))).lines
    assert lines["counterparty"].tolist() == ["李四", "李四"]
    assert set(lines["counterparty_account"]) == {"6222020200098765432"}


def test_a_bank_of_china_debit_with_its_own_minus_is_the_same_debit() -> None:
    rows = corporate_files.rows(statement([500, -200], opening=100), LAYOUTS["boc-corporate"])
    turned = [[f"-{cell}" if cell == "2.00" and "往账" in row else cell for cell in row] for row in rows]
    assert turned != rows
    plain, minus = (only(corporate_files.saved(each, file="tsv", encoding="utf-16")) for each in (rows, turned))
    assert plain.lines.to_dict("list") == minus.lines.to_dict("list")


def test_a_line_that_the_bank_marks_as_taken_back_is_a_reversal() -> None:
    rows = corporate_files.rows(statement([500, -500, 700]), LAYOUTS["cmb-corporate-old"])
    marked = rows[0].index("冲账标志")
    rows[2][marked] = "Y"
    lines = only(corporate_files.saved(rows, file="csv", encoding="gb18030")).lines
    assert lines["reversal"].tolist() == [False, True, False]


@pytest.mark.parametrize("name", ["abc-corporate-new", "ccb-corporate-old"])
def test_where_the_balance_runs_both_ways_the_times_tell_the_order(name: str) -> None:
    found = only(written(name, statement([500, -500], opening=100)))
    assert (found.lines["amount"].tolist(), found.opening, found.closing) == ([500, -500], 100, 100)


@pytest.mark.parametrize("word", ["冲正", "红字冲销", "抹账"])
def test_a_reversal_by_the_banks_own_word_is_one(word: str) -> None:
    rows = corporate_files.rows(statement([500, -500]), LAYOUTS["icbc-corporate-old"])
    rows[-1][rows[2].index("摘要")] = word
    assert only(corporate_files.saved(rows, file="csv", encoding="gb18030")).lines["reversal"].tolist() == [False, True]


@pytest.mark.parametrize("spoiled", ["2.02610080000E+13", "1.23E+15", "6E+18"])
def test_a_serial_that_a_spreadsheet_turned_into_a_number_is_refused_and_says_so(spoiled: str) -> None:
    rows = corporate_files.rows(statement([500, 700]), LAYOUTS["pab-corporate"])
    rows[2][rows[0].index("交易流水号")] = spoiled
    with pytest.raises(BadRow, match=r"row 3: 交易流水号 .* its last digits are lost; export it as text"):
        read(corporate_files.saved(rows, file="csv", encoding="gb18030"))


def test_full_width_digits_and_marks_are_digits_and_marks() -> None:
    rows = corporate_files.rows(statement([128_000]), LAYOUTS["ccb-corporate-old"])
    wide = {ord(half): ord(half) + 0xFEE0 for half in "0123456789.,-:"}
    header = LAYOUTS["ccb-corporate-old"].header_row
    columns = [rows[header - 1].index(name) for name in ("贷方发生额/元", "余额/元", "记账日期")]
    for at in columns:
        rows[header][at] = rows[header][at].translate(wide)
    assert rows[header][columns[0]] == "１，２８０．００"
    assert only(corporate_files.saved(rows, file="csv", encoding="gb18030")).lines["amount"].tolist() == [128_000]


def test_two_accounts_under_one_stated_balance_are_refused() -> None:
    told = statement([500, 700])
    other = replace(told.lines[1], account="1202021019900999999")
    data = written("ccb-corporate-old", replace(told, lines=(told.lines[0], other)))
    with pytest.raises(ControlTotalsBroken, match="several accounts"):
        read(data)
