"""Banks' tables: the ICBC corporate layouts as written by us, in every encoding, order and fault that we know of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.amounts import major
from reconciliation.reading import read
from reconciliation.statement import (
    COLUMNS,
    BadRow,
    ControlTotalsBroken,
    NotAStatement,
    OtherAccount,
    Statement,
    TooLarge,
    UnknownLayout,
)
from tests.reconciliation.bank_files import (
    ACCOUNT,
    NEW_HEADER,
    NEW_ROWS,
    OLD_HEADER,
    OLD_ROWS,
    corporate,
    xlsx,
)


def only(data: bytes, account: str | None = None) -> Statement:
    (found,) = read(data, account=account)
    return found


def old_row(amount: int, balance: int, *, at: int = 0, remark: str = "学费") -> str:
    """One row of the old layout: fen in, fen after it, no serial."""
    debit, credit = ("", major(amount, "CNY")) if amount >= 0 else (major(-amount, "CNY"), "")
    moment = f"2026-10-{1 + at // 60:02d} 09:{at % 60:02d}:00"
    return f",{{a}},6222,{moment},,{debit},{credit},,转账,{remark},张三,{major(balance, 'CNY')},"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_the_old_corporate_layout_reads_the_same_in_every_encoding(encoding: str, delimiter: str) -> None:
    found = only(corporate(OLD_HEADER, OLD_ROWS, encoding=encoding, delimiter=delimiter))

    assert (found.account, found.currency, found.format) == (ACCOUNT, "CNY", "icbc-corporate-old")
    assert (found.opening, found.closing) == (1_000_000, 977_321)
    assert (str(found.begins), str(found.ends)) == ("2026-10-08", "2026-10-21")
    assert {name: str(kind) for name, kind in found.lines.dtypes.items()} == dict(COLUMNS)
    lines = found.lines
    assert lines["number"].tolist() == [4, 5, 6, 7, 8]
    assert lines["amount"].tolist() == [128_000, 50_000, -1_000, -200_000, 321]
    assert lines["serial"].tolist() == ["8001", "8002", "8003", "8004", ""]
    assert lines["booked_at"].tolist()[:3] == ["09:01:02", "09:01:02", "17:30:00"]
    assert lines["remark"].tolist() == ["转账 学费 TE26K7", "转账 学费", "手续费", "汇款 划拨", "结息"]
    assert lines["counterparty"].tolist() == ["张三", "李四", "", "某某培训", ""]
    assert lines["counterparty_account"][0] == "6222020200098765432"
    assert lines["nature"].tolist() == ["transfer", "transfer", "fee", "transfer", "interest"]


def test_the_new_corporate_layout_takes_its_signs_from_the_flag_and_says_that_nothing_proves_it() -> None:
    found = only(corporate(NEW_HEADER, NEW_ROWS))
    assert found.lines["amount"].tolist() == [128_000, 50_000, -1_000]
    assert found.lines["serial"].tolist() == ["8001", "8002", "8003"]
    assert found.lines["remark"].tolist() == ["转账 学费 TE2610080001K7", "转账 学费", "手续费"]
    assert (found.opening, found.closing) == (None, None)
    assert "无法" in found.notes[0]


def test_a_file_that_is_newest_first_comes_out_oldest_first_with_the_same_keys() -> None:
    plain, turned = only(corporate(OLD_HEADER, OLD_ROWS)), only(corporate(OLD_HEADER, OLD_ROWS[::-1]))
    columns = [name for name in COLUMNS if name != "number"]
    assert plain.lines[columns].to_dict("list") == turned.lines[columns].to_dict("list")
    assert turned.lines["number"].tolist() == [8, 7, 6, 5, 4]
    assert (plain.opening, plain.closing) == (turned.opening, turned.closing)


def test_the_same_columns_in_another_order_with_full_width_marks_and_padding_are_the_same_layout() -> None:
    header, rows = OLD_HEADER.split("|"), [["8001", ACCOUNT, "6222", "20261008", "贷", "", "1,280.00\t "]]
    rows[0] += ["", "\u3000转账\u3000", "学费", "张三", " 1,280.00", "--"]
    turned = ["|".join(f" {name.replace('/', '／')}\u3000" for name in header[::-1])]
    data = corporate(turned[0], [",".join(f'"{cell}"' for cell in row[::-1]) for row in rows])
    found = only(data)
    assert found.lines["amount"].tolist() == [128_000]
    assert found.lines["remark"].tolist() == ["转账 学费"]


def test_two_accounts_in_one_file_become_two_statements() -> None:
    rows = [row.format(a="1111") for row in NEW_ROWS[:1]] + [row.format(a="2222") for row in NEW_ROWS[1:]]
    found = read(corporate(NEW_HEADER, rows))
    assert [(each.account, len(each.lines)) for each in found] == [("1111", 1), ("2222", 2)]


def test_a_masked_account_fits_the_full_one_and_no_other() -> None:
    data = corporate(NEW_HEADER, NEW_ROWS, account="1202****3456")
    assert only(data, account=ACCOUNT).account == ACCOUNT
    for other in ("1302021019900123456", "1202021019900123457", "120234", "3456"):
        with pytest.raises(OtherAccount):
            read(data, account=other)


def test_a_negative_amount_in_a_debit_column_is_a_reversal_that_brings_money_in() -> None:
    rows = [*OLD_ROWS[:4], '8005,{a},,2026-10-09 09:00:00,借,-10.00,,,冲正,,,"9,780.00",']
    lines = only(corporate(OLD_HEADER, rows)).lines
    assert (lines["amount"].tolist()[-1], lines["reversal"].tolist()) == (1_000, [False] * 4 + [True])


CARD = (
    '明细查询文件下载\n\n卡号: 1234****9876,"卡别名: "\n\n'
    "交易日期,摘要,交易场所,交易国家或地区简称,钞/汇,交易金额(收入),交易金额(支出),交易币种,"
    "记账金额(收入),记账金额(支出),记账币种,余额,对方户名\n"
    '2026-10-09  \t,"消费 \t",食堂,CHN,钞,"-  \t",-,-,"  \t",13.40,人民币,"1,086.60 \t",某某公司,\n'
    '2026-10-08  \t,"工资 \t",,CHN,钞,-,-,-,"1,100.00 \t","  \t",人民币,"1,100.00 \t",某某公司,\n'
    " \n"
    '人民币合计,,,,,,,,"1,100.00 \t","13.40 \t",\n'
)


def test_a_card_export_with_its_totals_row_is_read_newest_first() -> None:
    found = only(CARD.encode("gb18030"))
    assert (found.account, found.format) == ("1234****9876", "icbc-debit-v1")
    assert found.lines["amount"].tolist() == [110_000, -1_340]
    assert (found.opening, found.closing) == (0, 108_660)


def test_a_totals_row_that_is_missing_or_wrong_is_refused() -> None:
    with pytest.raises(ControlTotalsBroken, match="人民币合计 is missing"):
        read(CARD[: CARD.index("人民币合计")].encode())
    with pytest.raises(ControlTotalsBroken, match=r"支出\): the file states 13\.41, its lines come to 13\.40"):
        read(CARD.replace('"13.40', '"13.41').encode())


def test_a_nul_in_a_cell_is_never_read_over() -> None:
    with pytest.raises((NotAStatement, UnknownLayout)):
        read(corporate(NEW_HEADER, [NEW_ROWS[0].replace("学费", "学\0费")], encoding="utf-8"))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (OLD_ROWS[1].replace('"11,780.00"', '"xx,yyyy.zz"'), r"row 5, 余额 'xx,yyyy\.zz'"),
        (OLD_ROWS[1].replace("500.00", "500.001"), r"row 5, 贷方发生额 '500\.001': .* 3 decimals"),
        (OLD_ROWS[1].replace("500.00", "5E2"), r"row 5, 贷方发生额"),
        (OLD_ROWS[1].replace("500.00", '"50,0.00"'), r"row 5, 贷方发生额"),
        (OLD_ROWS[1].replace("500.00", ""), r"row 5, .* neither money in nor money out"),
        (OLD_ROWS[1].replace(",贷,,", ",贷,1.00,"), r"row 5, .* at once"),
        (OLD_ROWS[1].replace("2026-10-08 09:01:02", "2026-13-08"), r"row 5, 交易时间"),
        (OLD_ROWS[1].replace("2026-10-08 09:01:02", "2026101"), r"row 5, 交易时间"),
        (OLD_ROWS[1].removesuffix(",-"), r"row 5: 12 cells where the header has 13"),
        (OLD_ROWS[1] + ",!", r"row 5: there is text to the right"),
        (OLD_ROWS[1].replace("{a}", ""), r"row 5: 本方账号 is empty"),
    ],
)
def test_a_bad_cell_refuses_the_file_and_names_row_and_cell(row: str, sentence: str) -> None:
    with pytest.raises(BadRow, match=sentence) as refused:
        read(corporate(OLD_HEADER, [OLD_ROWS[0], row, *OLD_ROWS[2:]]))
    assert refused.value.facts["number"] == 5
    assert "第 5 行" in refused.value.chinese


def test_an_unknown_flag_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(BadRow, match="贷、借"):
        read(corporate(NEW_HEADER, [NEW_ROWS[0].replace(",贷,", ",收,")]))


def test_a_changed_amount_breaks_the_running_balance_at_its_row() -> None:
    rows = [OLD_ROWS[0], OLD_ROWS[1].replace("500.00", "501.00"), *OLD_ROWS[2:]]
    with pytest.raises(ControlTotalsBroken, match=r"row 5: the running balance is 11780\.00, .* 11781\.00"):
        read(corporate(OLD_HEADER, rows))


def test_a_row_cut_out_of_the_middle_is_noticed() -> None:
    with pytest.raises(ControlTotalsBroken, match="row 5"):
        read(corporate(OLD_HEADER, [OLD_ROWS[0], *OLD_ROWS[2:]]))


def test_a_header_without_lines_is_never_an_empty_import() -> None:
    with pytest.raises(NotAStatement, match="no lines"):
        read(corporate(OLD_HEADER, []))


def test_an_unknown_header_is_refused_with_itself_and_the_nearest_profile() -> None:
    with pytest.raises(UnknownLayout) as refused:
        read(corporate(OLD_HEADER.replace("余额", "账户余额"), OLD_ROWS))
    assert refused.value.facts["nearest"] == "icbc-corporate-old"
    assert "账户余额" in str(refused.value.facts["header"])
    assert "lacks 余额; it has in addition 账户余额" in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [b"", b" \r\n", b"<html><table><tr><td>1</td></tr></table></html>", b"\x00\x01\x02\x03", b"\x89PNG\r\n\x1a\n"],
)
def test_what_is_no_statement_is_refused_in_words(data: bytes) -> None:
    with pytest.raises((NotAStatement, UnknownLayout)) as refused:
        read(data, filename="x.xls")
    assert refused.value.chinese


def test_a_file_over_the_limit_is_not_even_looked_at() -> None:
    with pytest.raises(TooLarge):
        read(b"a" * (64 * 1024 * 1024 + 1))


def numbers(rows: list[str]) -> list[list[str | float]]:
    """Rows of the old layout with their money as a spreadsheet would keep it."""
    header = OLD_HEADER.split("|")
    money = {header.index(name) for name in ("借方发生额", "贷方发生额", "余额")}
    cells = [row.format(a=ACCOUNT).replace('"', "").split(",") for row in rows]
    return [[float(cell) if at in money and cell else cell for at, cell in enumerate(row)] for row in cells]


def test_excels_floats_are_read_as_the_decimals_they_show() -> None:
    rows = numbers([old_row(6_640, 6_640), old_row(1_678, 8_318, at=1), old_row(-110, 8_208, at=2)])
    found = only(xlsx([["工行"], [], OLD_HEADER.split("|"), *rows]))
    assert found.lines["amount"].tolist() == [6_640, 1_678, -110]
    assert found.lines["balance"].tolist() == [6_640, 8_318, 8_208]


def test_an_excel_float_with_a_rest_below_the_fen_is_refused() -> None:
    rows = numbers([old_row(30, 30)])
    rows[0][6] = 0.1 + 0.2
    with pytest.raises(BadRow, match=r"row 3, 贷方发生额 '0\.30000000000000004'"):
        read(xlsx([["工行"], OLD_HEADER.split("|"), *rows]))


def test_an_account_that_excel_kept_as_a_number_is_never_used_to_identify_anyone() -> None:
    rows = numbers([old_row(30, 30)])
    rows[0][2] = 6222020200098765432.0
    found = only(xlsx([OLD_HEADER.split("|"), *rows]))
    assert found.lines["counterparty_account"].tolist() == [""]
    assert found.notes == ("第 2 行“对方账号”被存成数字，末位已丢失，未采用",)
    rows[0][1] = float(ACCOUNT)
    with pytest.raises(BadRow, match="last digits are lost"):
        read(xlsx([OLD_HEADER.split("|"), *rows]))


def test_a_sheet_that_spans_a_billion_cells_is_refused_before_it_is_read() -> None:
    data = xlsx([["a"], ["b"]], last_place="XFD1048576")
    with pytest.raises(TooLarge, match="1048576 rows by 16384 columns"):
        read(data)


@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 3)), min_size=1, max_size=15),
    st.integers(-(10**9), 10**9),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_lines_come_back_to_the_fen_in_either_order(
    moves: list[tuple[int, int]], opening: int, newest_first: bool
) -> None:
    rows, running = [], opening
    for at, (amount, _) in enumerate(moves):
        running += amount
        rows.append(old_row(amount, running, at=at))
    found = only(corporate(OLD_HEADER, rows[::-1] if newest_first else rows))
    assert sorted(found.lines["amount"]) == sorted(amount for amount, _ in moves)
    assert (found.closing or 0) - (found.opening or 0) == running - opening
    assert found.lines["key"].is_unique
    assert len({amount for amount, _ in moves}) == 1 or (found.opening, found.closing) == (opening, running)
