"""A wallet's net for a day, its bill and our orders: booked once when all three agree, whatever comes first."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Connection, select

from escrow.enrolment import payments
from escrow.enrolment.orders import Order
from escrow.enrolment.placing import Credit
from escrow.enrolment.tables import payment
from escrow.registry import merchants
from escrow.registry.merchants import Merchant
from escrow.settlement import cash, matches, merchant_bills, reconciling, statements, undoing
from escrow.settlement.making import LUMP
from escrow.settlement.reconciling import Reconciliation
from escrow.settlement.tables import match
from tests.escrow.county import BUREAU, at, balances, breaches, family, order, school, signed
from tests.escrow.settlement.bank_days import BankLine, written
from tests.reconciliation.bill_files import MERCHANT, Trade, wechat

ACCOUNT = "6200000001"
FEE = 600
WALLET = "财付通支付科技有限公司"


class Town:
    """One school whose merchant is bound, two families with an order each, and the files of a day."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        of = school(db)
        bound = Merchant(channel="wechat", number=MERCHANT, supervised_account=ACCOUNT)
        merchants.bind(db, bound, by=BUREAU, now=at(7, 1))
        self.orders = [order(db, signed(db, of, family(db, each)), now=at(7, 21, 9)) for each in (1, 2)]
        self.trades = [
            Trade(order=each.reference, amount=each.amount, fee=FEE, at=f"2026-07-21 1{hour}:00:00")
            for hour, each in enumerate(self.orders)
        ]
        self.net = sum(each.amount - each.fee for each in self.trades)

    def notice(self, which: int = 0, *, serial: str = "") -> str:
        """The wallet, or under another serial the bank, tells of a payment."""
        paid, trade = self.orders[which], self.trades[which]
        told = Credit(
            supervised_account=ACCOUNT,
            serial=serial or f"wechat-{trade.transaction}",
            amount=paid.amount,
            reference=paid.reference,
            remark="",
            payer="王芳",
            payer_account="",
            paid_at=datetime.fromisoformat(f"{trade.at}+08:00"),
        )
        [receipt] = payments.receive(self.db, [told], source="notification", now=at(7, 21, 20))
        return receipt.status

    def bill(self, *trades: Trade) -> None:
        data = wechat(trades or self.trades).encode()
        merchant_bills.import_file(self.db, data, account=ACCOUNT, by=BUREAU, now=at(7, 22))

    def statement(
        self, amount: int | None = None, *, remark: str = "结算款", on: int = 22, opening: int = 0, payer: str = WALLET
    ) -> None:
        line = BankLine(amount=amount or self.net, at=at(7, on, 9), serial=f"B{on}", use=remark, party=payer)
        data = written(ACCOUNT, [line], opening=opening)
        statements.import_file(self.db, data, filename="day.csv", account=ACCOUNT, by=BUREAU, now=at(7, 22))

    def reconcile(self) -> Reconciliation:
        return reconciling.reconcile(self.db, ACCOUNT, by=BUREAU, now=at(7, 23))

    def booked(self) -> list[tuple[str, str, int]]:
        p = payment.c
        return [tuple(row) for row in self.db.execute(select(p.serial, p.state, p.amount).order_by(p.serial))]


@pytest.fixture
def town(db: Connection) -> Town:
    return Town(db)


STEPS: dict[str, Callable[[Town], object]] = {
    "notice": Town.notice,
    "bill": Town.bill,
    "statement": Town.statement,
}


@pytest.mark.parametrize("sequence", list(itertools.permutations(STEPS)), ids="-".join)
@pytest.mark.parametrize("each_time", [False, True], ids=["reconciled at the end", "reconciled each time"])
def test_whatever_comes_first_each_payment_is_booked_once_and_the_fee_is_the_accounts(
    town: Town, sequence: tuple[str, ...], each_time: bool
) -> None:
    for name in sequence:
        STEPS[name](town)
        if each_time:
            town.reconcile()
    assert town.reconcile().open == []
    assert town.reconcile().matched == {}
    expected = [(f"wechat-{each.transaction}", "placed", each.amount) for each in town.trades]
    assert town.booked() == sorted(expected)
    held = balances(town.db)
    assert held[f"bank/{ACCOUNT}"] == town.net
    assert abs(held[f"bank/{ACCOUNT}/fees"]) == 2 * FEE
    assert cash.prove(town.db, ACCOUNT).unexplained.minor == 0
    assert breaches(town.db) == []
    rows = town.db.execute(select(match.c.rule, match.c.evidence).where(match.c.account == ACCOUNT)).all()
    assert {row.rule for row in rows} == {LUMP}
    assert "2026-07-21 至 2026-07-21 账单 2 笔" in rows[0].evidence


def test_each_days_lump_brings_its_own_rows(town: Town) -> None:
    first, second = town.trades[0], replace(town.trades[1], at="2026-07-22 08:00:00")
    town.bill(first)
    town.statement(first.amount - FEE)
    assert town.reconcile().matched == {LUMP: 1}
    town.bill(first, second)
    town.statement(second.amount - FEE, on=23, opening=first.amount - FEE)
    run = town.reconcile()
    assert (run.matched, run.open) == ({LUMP: 1}, [])
    evidence = town.db.execute(select(match.c.evidence).order_by(match.c.id.desc()).limit(1)).scalar_one()
    assert evidence.startswith(f"商户 {MERCHANT} 2026-07-22 至 2026-07-22 账单 1 笔")
    assert breaches(town.db) == []


def test_several_days_come_in_one_lump(town: Town) -> None:
    town.bill(town.trades[0], replace(town.trades[1], at="2026-07-22 08:00:00"))
    town.statement(on=25)
    run = town.reconcile()
    assert (run.matched, run.open) == ({LUMP: 1}, [])


def test_the_banks_own_word_for_an_order_stands_for_the_bills_row(town: Town) -> None:
    assert town.notice(serial="N1") == "booked"
    town.bill()
    town.statement()
    run = town.reconcile()
    assert (run.matched, run.open) == ({LUMP: 1}, [])
    assert [each[0] for each in town.booked()] == ["N1", f"wechat-{town.trades[1].transaction}"]
    assert town.reconcile().open == []
    assert breaches(town.db) == []


def test_nothing_is_booked_from_a_bill_alone_and_a_lump_waits_for_its_bill(town: Town) -> None:
    town.bill()
    assert (town.reconcile().matched, town.booked()) == ({}, [])


def test_a_lump_without_its_bill_is_booked_nowhere_and_named(town: Town) -> None:
    town.statement()
    [found] = town.reconcile().open
    assert (found.kind, found.amount, town.booked()) == ("channel_bill_missing", town.net, [])
    town.bill()
    assert town.reconcile().open == []


def stranger(town: Town) -> None:
    extra = Trade(order="T9999999999999", amount=500, fee=0, at="2026-07-21 12:00:00")
    town.bill(*town.trades, extra)
    town.statement(town.net + 500)


def other_amount(town: Town) -> None:
    wrong = replace(town.trades[0], amount=town.trades[0].amount + 100)
    town.bill(wrong, town.trades[1])
    town.statement(town.net + 100)


def missing(town: Town) -> None:
    town.notice()
    town.bill(town.trades[1])
    town.statement(town.trades[1].amount - FEE)


def refunded(town: Town) -> None:
    back = Trade(order=town.trades[0].order, amount=1000, fee=-6, refund="50001", at="2026-07-21 18:00:00")
    town.bill(*town.trades, back)
    town.statement(town.net - 994)


def short(town: Town) -> None:
    town.bill()
    town.statement(town.net - 7)


def over(town: Town) -> None:
    town.bill()
    town.statement(town.net + 7)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (stranger, ["T9999999999999", "账上没有"]),
        (other_amount, ["账上", "渠道账单"]),
        (missing, ["不在渠道账单上"]),
        (refunded, ["-10.00"]),
        (short, ["少 0.07"]),
        (over, ["多 0.07"]),
    ],
)
def test_whatever_does_not_agree_is_named_and_nothing_is_booked(
    town: Town, happens: Callable[[Town], None], words: list[str]
) -> None:
    happens(town)
    before = town.booked()
    run = town.reconcile()
    [found] = [each for each in run.open if each.line_id is not None]
    assert found.kind == "channel_lump"
    assert all(word in found.detail for word in words), found.detail
    assert (town.booked(), run.matched) == (before, {})
    assert cash.prove(town.db, ACCOUNT).unexplained.minor == 0
    assert breaches(town.db) == []


def test_every_difference_of_a_lump_is_named_and_told_anew_when_they_change(town: Town) -> None:
    town.bill(town.trades[0])
    town.statement()
    [found] = town.reconcile().open
    assert "多" in found.detail
    town.bill(Trade(order="T9999999999999", amount=500, fee=0, at="2026-07-21 12:00:00"))
    [again] = town.reconcile().open
    assert again.id == found.id
    assert "多" in again.detail
    assert "T9999999999999" in again.detail


def test_a_lump_that_is_undone_takes_back_only_what_no_notice_told_of_and_is_not_matched_again(town: Town) -> None:
    town.notice()
    town.bill()
    town.statement()
    town.reconcile()
    [first] = town.db.execute(select(match.c.id).where(match.c.first_id.is_(None))).scalars()
    undoing.undo(town.db, first, reason="渠道更正", by=BUREAU, now=at(7, 24))
    states = {serial: state for serial, state, _ in town.booked()}
    assert states == {
        f"wechat-{town.trades[0].transaction}": "placed",
        f"wechat-{town.trades[1].transaction}": "reversed",
    }
    assert balances(town.db)[f"bank/{ACCOUNT}"] == town.orders[0].amount
    assert town.reconcile().matched == {}
    town.statement(on=23, opening=town.net)
    again = town.reconcile()
    assert again.matched == {}
    assert ["账上没有" in each.detail for each in again.open if each.kind == "channel_lump"] == [True]
    assert matches.get(town.db, first).undone_by == BUREAU.name
    assert breaches(town.db) == []


def test_a_lump_that_the_bank_told_of_is_that_payment_and_its_money_is_not_booked_again(town: Town) -> None:
    told = Credit(
        supervised_account=ACCOUNT,
        serial="B22",
        amount=town.net,
        reference="",
        remark="结算款",
        payer=WALLET,
        payer_account="",
        paid_at=at(7, 22, 9),
    )
    payments.receive(town.db, [told], source="notification", now=at(7, 22, 9))
    town.bill()
    town.statement()
    run = town.reconcile()
    assert (dict(run.matched), run.open) == ({"serial": 1}, [])
    assert town.booked() == [("B22", "suspense", town.net)]
    assert breaches(town.db) == []


def test_a_company_whose_name_merely_sounds_like_a_wallet_is_none(town: Town) -> None:
    town.statement(payer="深圳市微信息技术有限公司")
    town.reconcile()
    assert town.booked() == [("B22", "suspense", town.net)]


def test_a_family_that_pays_through_the_wallet_by_itself_is_no_lump(town: Town) -> None:
    paid: Order = town.orders[0]
    town.statement(paid.amount, remark=paid.reference)
    assert town.reconcile().open == []
    assert town.booked() == [("B22", "placed", paid.amount)]
