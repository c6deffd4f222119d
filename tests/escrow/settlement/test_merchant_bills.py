"""A channel's bills: kept whole or not at all, each payment and refund once, and nothing booked from them."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from escrow.access.tables import audit_entry
from escrow.enrolment.tables import payment
from escrow.refusals import Forbidden, Unknown
from escrow.registry import merchants
from escrow.registry.merchants import Merchant
from escrow.settlement import merchant_bills
from escrow.settlement.bill_tables import merchant_bill, merchant_bill_row
from escrow.settlement.merchant_bills import BillContradicts, BillOfAnotherAccount, MerchantBill
from escrow.settlement.statements import NotSupervised
from reconciliation.statement import ControlTotalsBroken, UnknownLayout
from tests.escrow.county import BANK, BUREAU, School, at, breaches, school
from tests.reconciliation.bill_files import MERCHANT, Trade, alipay, unionpay, wechat

FIRST = Trade(order="T0000000000011", amount=100_000, fee=600)
SECOND = Trade(order="T0000000000022", amount=36_000, fee=216, at="2026-10-08 21:15:00")
BACK = Trade(order="T0000000000022", amount=36_000, fee=-216, refund="50001", at="2026-10-09 08:00:00")
ACCOUNT = "6200000001"


@pytest.fixture(autouse=True)
def of(db: Connection) -> School:
    """The school whose families pay by wallet."""
    return school(db)


def take(db: Connection, trades: Sequence[Trade], *, account: str = ACCOUNT) -> MerchantBill:
    data = wechat(trades).encode("utf-8-sig")
    return merchant_bills.import_file(db, data, account=account, by=BANK, now=at(10, 10))


def kept(db: Connection) -> tuple[int, int]:
    counts = (select(func.count()).select_from(each) for each in (merchant_bill, merchant_bill_row))
    bills, rows = (db.execute(each).scalar_one() for each in counts)
    return bills, rows


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        ("wechat", wechat([FIRST, SECOND, BACK]).encode("utf-8-sig")),
        ("alipay", alipay([FIRST, SECOND, BACK]).encode("gb18030")),
        ("unionpay", unionpay([FIRST, SECOND, BACK])),
    ],
)
def test_each_channels_bill_is_kept_row_by_row_and_nothing_is_booked(db: Connection, channel: str, data: bytes) -> None:
    bill = merchant_bills.import_file(db, data, account=ACCOUNT, by=BUREAU, now=at(10, 10))
    assert (bill.channel, bill.trades, bill.fresh, bill.net) == (channel, 3, 3, 100_000 - 600)
    assert (str(bill.begins), str(bill.ends)) == ("2026-10-08", "2026-10-09")
    r = merchant_bill_row.c
    rows = db.execute(select(r.kind, r.reference, r.amount, r.fee, r.traded_at).order_by(r.number)).all()
    assert [tuple(each[:4]) for each in rows] == [
        ("payment", FIRST.order, 100_000, 600),
        ("payment", SECOND.order, 36_000, 216),
        ("refund", SECOND.order, -36_000, -216),
    ]
    assert rows[1].traded_at == at(10, 8, 21, 15)
    assert db.execute(select(func.count()).select_from(payment)).scalar_one() == 0
    assert breaches(db) == []


def test_the_same_bill_twice_keeps_nothing_twice_and_leaves_one_entry_in_the_trail(db: Connection) -> None:
    first, again = take(db, [FIRST, SECOND]), take(db, [FIRST, SECOND])
    assert (first.fresh, again.fresh, again.id) == (2, 0, first.id)
    assert kept(db) == (1, 2)
    done = select(func.count()).select_from(audit_entry).where(audit_entry.c.what == "merchant_bill.imported")
    assert db.execute(done).scalar_one() == 1
    assert merchant_bills.get(db, first.id).net == first.net


def test_bills_that_overlap_tell_of_a_payment_once_by_the_channels_own_id(db: Connection) -> None:
    take(db, [FIRST])
    later = take(db, [SECOND, BACK, FIRST])
    assert (later.trades, later.fresh) == (3, 2)
    assert kept(db) == (2, 3)


@pytest.mark.parametrize(
    ("changed", "what", "found"),
    [
        (Trade(order=FIRST.order, amount=100_001, fee=600), "amount", "1000.01"),
        (Trade(order=FIRST.order, amount=100_000, fee=601), "fee", "6.01"),
        (Trade(order=FIRST.order, amount=100_000, fee=600, at="2026-10-08 09:01:03"), "traded_at", "09:01:03"),
        (Trade(order="T9999999000011", amount=100_000, fee=600), "reference", "T9999999000011"),
    ],
)
def test_a_bill_that_says_otherwise_than_before_is_refused_whole(
    db: Connection, changed: Trade, what: str, found: str
) -> None:
    take(db, [FIRST])
    with pytest.raises(BillContradicts) as refused, db.begin_nested():
        take(db, [SECOND, changed])
    assert refused.value.facts["what"] == what
    assert found in str(refused.value.facts["found"])
    assert refused.value.facts["serial"] == FIRST.transaction
    assert kept(db) == (1, 1)


def test_a_payment_is_of_one_account(db: Connection) -> None:
    school(db, 2)
    take(db, [FIRST])
    with pytest.raises(BillContradicts) as refused, db.begin_nested():
        take(db, [FIRST], account="6200000002")
    assert (refused.value.facts["what"], refused.value.facts["expected"]) == ("account", ACCOUNT)


def test_a_merchant_that_pays_into_another_account_is_refused(db: Connection) -> None:
    school(db, 2)
    bound = Merchant(channel="wechat", number=MERCHANT, supervised_account="6200000002")
    merchants.bind(db, bound, by=BUREAU, now=at(7, 1))
    with pytest.raises(BillOfAnotherAccount, match="6200000002"):
        take(db, [FIRST])
    assert take(db, [FIRST], account="6200000002").fresh == 1


def test_a_bill_that_does_not_hold_together_keeps_nothing(db: Connection) -> None:
    data = wechat([FIRST, SECOND])
    for broken, why in (
        (data.replace("1000.00", "1000.01", 1), ControlTotalsBroken),
        (data[: data.index("总交易单数")], ControlTotalsBroken),
        ("卡号,金额\r\n", UnknownLayout),
    ):
        with pytest.raises(why):
            merchant_bills.import_file(db, broken.encode(), account=ACCOUNT, by=BANK, now=at(10, 10))
    assert kept(db) == (0, 0)


def test_only_bureau_and_bank_hand_in_a_bill_and_only_for_an_account_that_is_supervised(
    db: Connection, of: School
) -> None:
    with pytest.raises(Forbidden):
        merchant_bills.import_file(db, b"", account=ACCOUNT, by=of.caller, now=at(10, 10))
    with pytest.raises(NotSupervised, match="6299999999"):
        take(db, [FIRST], account="6299999999")
    with pytest.raises(Unknown):
        merchant_bills.get(db, 1)


def test_a_day_without_trades_is_kept_as_such(db: Connection) -> None:
    bill = take(db, [])
    assert (bill.begins, bill.ends, bill.trades, bill.net) == (None, None, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE merchant_bill_row SET amount = 1",
        "DELETE FROM merchant_bill_row",
        "UPDATE merchant_bill SET net = 1",
        "INSERT INTO merchant_bill_row (bill_id, account, channel, number, merchant, traded_on, traded_at, kind,"
        " reference, serial, refund_serial, amount, fee) SELECT bill_id, account, channel, number, merchant, traded_on,"
        " traded_at, kind, reference, serial || 'x', refund_serial, -amount, fee FROM merchant_bill_row",
    ],
)
def test_the_database_keeps_what_the_channel_said(db: Connection, change: str) -> None:
    take(db, [FIRST])
    with pytest.raises(DBAPIError), db.begin_nested():
        db.execute(text(change))
    assert kept(db) == (1, 1)
