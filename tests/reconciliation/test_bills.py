"""Bills of payment channels: orders, refunds and fees to the fen, and their own totals held against them."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation import bills, reading
from reconciliation.bills import COLUMNS, Bill
from reconciliation.statement import BadRow, ControlTotalsBroken, NotAStatement, UnknownLayout
from tests.reconciliation.bill_files import MERCHANT, Trade, alipay, unionpay, wechat

TRADES = (
    Trade(order="TE2610080001K7", amount=128_000, fee=768),
    Trade(order="TE2610080002Q4", amount=50_000, fee=300, goods='"钢琴" 课'),
    Trade(order="TE2610080001K7", amount=28_000, fee=-168, refund="50300001", at="2026-10-08 17:30:00"),
)

WRITERS: dict[str, Callable[[Sequence[Trade]], bytes]] = {
    "wechat-bill": lambda trades: wechat(trades).encode("utf-8-sig"),
    "alipay-bill": lambda trades: alipay(trades).encode("gb18030"),
    "unionpay-zm": unionpay,
}

TRADED = st.builds(
    Trade,
    order=st.integers(0, 999_999).map("TE{:06d}".format),
    amount=st.integers(1, 10**9),
    fee=st.integers(0, 10**6),
    goods=st.text(
        st.characters(codec="gbk", categories=("Lo", "Lu", "Ll", "Nd"), include_characters="\"'&·"), max_size=10
    ),
)


@pytest.mark.parametrize("name", WRITERS)
def test_a_bill_is_read_to_the_fen(name: str) -> None:
    bill = bills.read(WRITERS[name](TRADES))
    lines = bill.lines
    assert bill.format == name
    assert {column: str(kind) for column, kind in lines.dtypes.items()} == dict(COLUMNS)
    assert lines["kind"].tolist() == ["payment", "payment", "refund"]
    assert lines["amount"].tolist() == [128_000, 50_000, -28_000]
    assert lines["fee"].tolist() == [768, 300, -168]
    assert lines["order"].tolist() == [each.order for each in TRADES]
    assert [bool(each) for each in lines["refund"]] == [False, False, True]
    assert lines["traded_on"].tolist() == ["2026-10-08"] * 3
    assert lines["traded_at"].tolist() == ["09:01:02", "09:01:02", "17:30:00"]
    assert set(lines["merchant"]) == {"2088542123456" if name == "alipay-bill" else MERCHANT}
    assert bill.net == 150_000 - 900


@pytest.mark.parametrize("name", WRITERS)
@given(trades=st.lists(TRADED, min_size=1, max_size=8, unique_by=lambda each: each.order))
@settings(max_examples=40, deadline=None)
def test_whatever_was_traded_comes_back(name: str, trades: list[Trade]) -> None:
    lines = bills.read(WRITERS[name](trades)).lines
    assert lines["amount"].tolist() == [each.amount for each in trades]
    assert lines["fee"].tolist() == [each.fee for each in trades]
    assert lines["order"].tolist() == [each.order for each in trades]


@pytest.mark.parametrize("name", ["wechat-bill", "alipay-bill"])
def test_a_day_without_trades_is_an_empty_bill_where_the_totals_say_so(name: str) -> None:
    bill = bills.read(WRITERS[name]([]))
    assert (len(bill.lines), bill.net) == (0, 0)


@pytest.mark.parametrize("name", WRITERS)
def test_a_bill_is_no_statement_and_is_told_so(name: str) -> None:
    with pytest.raises(NotAStatement, match=r"bill of .* not of an account") as refused:
        reading.read(WRITERS[name](TRADES))
    assert "交易账单" in refused.value.chinese


@pytest.mark.parametrize(
    ("text", "was", "becomes", "sentence"),
    [
        (wechat(TRADES), "`3,`1780.00", "`4,`1780.00", "总交易单数: the bill states 4, its rows come to 3"),
        (wechat(TRADES), "`3,`1780.00", "`3,`1780.01", r"应结订单总金额: .* 1780\.01, its rows come to 1780\.00"),
        (wechat(TRADES), "`280.00,`0.00,`9.00000", "`280.01,`0.00,`9.00000", r"退款总金额: .* come to 280\.00"),
        (wechat(TRADES), "`9.00000", "`9.01000", r"手续费总金额: .* come to 9\.00"),
        (alipay(TRADES), "交易合计：2笔", "交易合计：3笔", "states 3, its rows come to 2"),
        (alipay(TRADES), "商家实收共1780.00元", "商家实收共1780.01元", r"states 1780\.01, its rows come to 1780\.00"),
        (alipay(TRADES), "退款合计：1笔", "退款合计：2笔", "states 2, its rows come to 1"),
        (alipay(TRADES), "商家实收退款共-280.00元", "商家实收退款共-281.00元", r"rows come to 280\.00"),
    ],
)
def test_totals_that_do_not_agree_are_refused(text: str, was: str, becomes: str, sentence: str) -> None:
    assert was in text
    with pytest.raises(ControlTotalsBroken, match=sentence):
        bills.read(text.replace(was, becomes).encode())


@pytest.mark.parametrize("text", [wechat(TRADES), alipay(TRADES)])
def test_a_bill_cut_off_before_its_totals_is_refused(text: str) -> None:
    lines = text.splitlines(keepends=True)
    first_total = next(at for at, line in enumerate(lines) if "合计" in line or "总交易单数" in line)
    with pytest.raises(ControlTotalsBroken, match="cut short"):
        bills.read("".join(lines[:first_total]).encode())


@pytest.mark.parametrize("text", [wechat(TRADES), alipay(TRADES)])
def test_a_row_that_was_taken_out_is_noticed(text: str) -> None:
    lines = text.splitlines(keepends=True)
    row = next(at for at, line in enumerate(lines) if TRADES[1].order in line)
    with pytest.raises(ControlTotalsBroken):
        bills.read("".join(lines[:row] + lines[row + 1 :]).encode())


def test_a_union_pay_row_whose_settled_amount_is_not_amount_less_fee_is_refused_with_its_line() -> None:
    data = unionpay(TRADES).replace(b"D000000000300", b"D000000000301")
    with pytest.raises(ControlTotalsBroken, match=r"row 2: 结算金额 is 497\.00, amount less fee is 496\.99"):
        bills.read(data)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (wechat(TRADES).replace("`SUCCESS", "`CLOSED", 1), r"row 2: 交易状态 is 'CLOSED', expected one of SUCCESS"),
        (wechat(TRADES).replace("`7.68000", "`7.68100", 1), r"row 2: 手续费 '7\.68100' has 5 decimals"),
        (wechat(TRADES).replace("`1280.00", "`1,280.00", 1).replace("`CNY", "`USD", 1), "货币种类 is 'USD'"),
        (wechat(TRADES).replace("`1280.00", "`-1280.00", 1), "row 2: a payment of less than nothing"),
        (wechat(TRADES).replace("2026-10-08 09:01:02", "2026-10-8x", 1), "row 2, 交易时间"),
        (wechat(TRADES).replace("`0.60%,", "`0.60%,`,", 1), "row 2: 28 cells where the header has 27"),
        (wechat(TRADES) + "`1,`2\r\n", "not one row of totals"),
        (alipay([TRADES[0], TRADES[0]]), "row 7: the same payment or refund stands there twice"),
        (alipay(TRADES) + "a,b\r\n", "a row below the totals"),
        (alipay(TRADES).replace("学费", "学,费", 1), "row 6: 26 cells where the header has 25"),
    ],
)
def test_a_bad_row_is_named_and_refuses_the_bill(text: str, sentence: str) -> None:
    with pytest.raises(BadRow, match=sentence) as refused:
        bills.read(text.encode())
    assert refused.value.facts["number"]
    assert refused.value.chinese


def test_a_union_pay_line_that_is_cut_is_named() -> None:
    whole = unionpay(TRADES)
    second = whole.index(b"\r\n") + 2
    with pytest.raises(BadRow, match=r"row 2: .* cells where the header has 40"):
        bills.read(whole[: second + 200])


def test_widths_are_bytes_whatever_the_names_are() -> None:
    trades = [Trade(order="TE000001", amount=100, fee=1, goods="晨光" * 8), Trade(order="TE000002", amount=5, fee=0)]
    assert bills.read(unionpay(trades)).lines["amount"].tolist() == [100, 5]


def test_what_no_profile_knows_is_no_bill() -> None:
    with pytest.raises(UnknownLayout, match="wechat-bill"):
        bills.read(b"a,b,c\r\n1,2,3\r\n")


@pytest.mark.parametrize("name", WRITERS)
@given(
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.integers(0, 30), st.one_of(st.binary(max_size=6), st.sampled_from([b"`", b",", b"\n"]))
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_damaged_bill_is_read_whole_or_refused_in_words(name: str, edits: list[tuple[float, int, bytes]]) -> None:
    data = WRITERS[name](TRADES)
    for place, cut, piece in edits:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + cut :]
    found: Bill | None = None
    with suppress(BadRow, ControlTotalsBroken, NotAStatement, UnknownLayout):
        found = bills.read(data)
    if found is not None and name != "unionpay-zm":
        assert sum(found.lines["amount"]) == 150_000
        assert len(found.lines) == len(TRADES)
