"""Every channel's lumps from its bill to the signed day: several merchants, late ones, the bank's word after them."""

from dataclasses import replace
from datetime import date, datetime
from typing import Final

import pytest
from sqlalchemy import Connection, select, text

from escrow.enrolment import payments
from escrow.enrolment.placing import Credit
from escrow.settlement import breaks, cash, signing, undoing
from escrow.settlement.breaks import Break
from escrow.settlement.making import LUMP
from escrow.settlement.reconciling import Reconciliation
from escrow.settlement.tables import match
from tests.escrow.county import BUREAU, at, balances, breaches
from tests.escrow.settlement.channels import ACCOUNT, CHANNELS, FEE, WECHAT, Town, placed
from tests.reconciliation.bill_files import MERCHANT

OTHER: Final = "1900000208"
COMPANY: Final = "某某支付清算有限公司"


@pytest.fixture(params=CHANNELS, ids=lambda each: each.name)
def town(db: Connection, request: pytest.FixtureRequest) -> Town:
    return Town(db, request.param)


@pytest.fixture
def wallet(db: Connection) -> Town:
    """The same with WeChat Pay, where the channel has no part in what is tested."""
    return Town(db, WECHAT)


@pytest.fixture
def wallets(db: Connection) -> Town:
    """Two merchants of WeChat Pay, and four orders."""
    town = Town(db, WECHAT, families=4)
    town.bind(OTHER)
    return town


def test_a_channels_bill_becomes_payments_by_its_lump_once_and_the_day_is_signed_off(town: Town) -> None:
    town.bill()
    town.statement(town.net)
    run = town.reconcile()
    assert (dict(run.matched), run.open) == ({LUMP: 1}, [])
    assert (town.reconcile().matched, town.booked()) == ({}, placed(town, town.trades))
    held = balances(town.db)
    assert (held[f"bank/{ACCOUNT}"], held[f"bank/{ACCOUNT}/fees"]) == (town.net, 2 * FEE)
    assert town.evidence()[0].startswith(f"商户 {town.channel.merchant} 2026-07-21 至 2026-07-21 账单 2 笔 2000.00 元")
    signed_off = signing.sign_off(town.db, ACCOUNT, date(2026, 7, 22), by=BUREAU, now=at(7, 24))
    assert (signed_off.statement_balance, signed_off.ledger_balance) == (town.net, town.net)
    assert breaches(town.db) == []


def test_a_lump_is_known_by_the_merchants_number_in_its_remark_whoever_pays(town: Town) -> None:
    town.bill()
    town.statement(town.net, use=f"商户{town.channel.merchant} 清算款", payer=COMPANY)
    run = town.reconcile()
    assert (dict(run.matched), run.open) == ({LUMP: 1}, [])


def test_a_number_that_merely_contains_the_merchants_is_not_it(wallet: Town) -> None:
    wallet.bill()
    wallet.statement(wallet.net, use=f"合同9{wallet.channel.merchant}", payer=COMPANY)
    assert (wallet.reconcile().matched, wallet.booked()["B220"]) == ({}, ("suspense", wallet.net))


def test_word_of_the_lump_after_its_match_books_nothing_besides(town: Town) -> None:
    town.bill()
    town.statement(town.net)
    town.reconcile()
    before = (town.booked(), balances(town.db))
    assert [town.told("B220", each).status for each in (town.net, town.net, town.net - 1)] == [
        "repeated",
        "repeated",
        "conflicting",
    ]
    assert (town.booked(), balances(town.db)) == before
    assert (town.reconcile().open, breaches(town.db)) == ([], [])


def test_word_of_a_lump_whose_match_was_undone_is_booked_like_any(wallet: Town) -> None:
    wallet.bill()
    wallet.statement(wallet.net)
    wallet.reconcile()
    (made,) = wallet.db.execute(select(match.c.id).where(match.c.first_id.is_(None))).scalars()
    undoing.undo(wallet.db, made, reason="渠道更正", by=BUREAU, now=at(7, 24))
    assert wallet.told("B220", wallet.net).status == "parked"
    assert breaches(wallet.db) == []


def missing(run: Reconciliation) -> list[Break]:
    return [each for each in run.open if each.kind == "channel_lump_missing"]


def test_a_bill_without_its_lump_is_a_break_once_its_day_is_over_until_the_money_comes(town: Town) -> None:
    town.bill()
    assert missing(town.reconcile()) == [], "no statement reaches its day"
    town.statement(1, on=21, payer="张三")
    assert missing(town.reconcile()) == [], "it is due on Wednesday"
    town.statement(2, on=22, payer="张三")
    (found,) = missing(town.reconcile())
    assert (found.amount, found.owner, found.due_on) == (town.net, "bureau", date(2026, 7, 27))
    assert found.channel_day == f"{town.channel.name}/{town.channel.merchant}/2026-07-21"
    assert "应于 2026-07-22 前到账" in found.detail
    assert found.age(date(2026, 7, 26)) == 2
    assert [each.id for each in missing(town.reconcile())] == [found.id], "it stays the break that it was"
    breaks.assign(town.db, found.id, owner="王会计", by=BUREAU, now=at(7, 24))
    town.statement(town.net, on=23)
    run = town.reconcile()
    assert (dict(run.matched), missing(run)) == ({LUMP: 1}, [])
    assert breaches(town.db) == []


def test_a_lump_that_came_and_does_not_agree_is_not_said_to_be_missing(wallet: Town) -> None:
    wallet.bill()
    wallet.statement(wallet.net - 7)
    assert [each.kind for each in wallet.reconcile().open] == ["channel_lump"]


def test_a_lump_that_two_people_have_placed_otherwise_or_undone_is_not_said_to_be_missing(wallet: Town) -> None:
    assert wallet.told("B220", wallet.net).status == "parked"
    wallet.bill()
    wallet.statement(wallet.net)
    run = wallet.reconcile()
    assert (dict(run.matched), missing(run)) == ({"serial": 1}, [])
    (made,) = wallet.db.execute(select(match.c.id)).scalars()
    undoing.undo(wallet.db, made, reason="银行更正", by=BUREAU, now=at(7, 24))
    assert missing(wallet.reconcile()) == []


def two_bills(town: Town) -> tuple[int, int]:
    """The first merchant has one order, the second three; what each sends."""
    first, second = town.trades[:1], town.trades[1:]
    town.bill(*first)
    town.bill(*second, merchant=OTHER)
    one, other = (sum(each.amount - each.fee for each in trades) for trades in (first, second))
    return one, other


@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned round"])
def test_each_of_two_merchants_sends_its_own_lump(wallets: Town, turned: bool) -> None:
    one, other = two_bills(wallets)
    wallets.statement(*((other, one) if turned else (one, other)))
    run = wallets.reconcile()
    assert (dict(run.matched), run.open) == ({LUMP: 2}, [])
    assert wallets.booked() == placed(wallets, wallets.trades)
    assert sorted(each.split()[1] for each in wallets.evidence()) == [MERCHANT, OTHER]
    assert cash.prove(wallets.db, ACCOUNT).unexplained.minor == 0
    assert breaches(wallets.db) == []


def test_one_lump_for_both_merchants_is_theirs_together(wallets: Town) -> None:
    wallets.statement(sum(two_bills(wallets)))
    run = wallets.reconcile()
    assert (dict(run.matched), run.open) == ({LUMP: 1}, [])
    assert wallets.booked() == placed(wallets, wallets.trades)


def test_two_equal_lumps_are_told_apart_by_the_merchants_number_and_else_by_people(wallets: Town) -> None:
    first, second = wallets.trades[:2]
    wallets.bill(first)
    wallets.bill(second, merchant=OTHER)
    net = first.amount - FEE
    wallets.statement(net)
    (unclear,) = [each for each in wallets.reconcile().open if each.kind == "channel_lump"]
    assert f"{MERCHANT}、{OTHER} 的账单净额都与该笔相符" in unclear.detail
    assert wallets.booked() == {}
    wallets.statement(net, on=23, use=f"{OTHER} 结算")
    run = wallets.reconcile()
    assert dict(run.matched) == {LUMP: 2}, "what the second is not, the first is"
    assert wallets.evidence()[0].startswith(f"商户 {OTHER} ") is not wallets.evidence()[1].startswith(f"商户 {OTHER} ")
    assert breaches(wallets.db) == []


def test_a_merchant_whose_bill_is_not_here_waits_for_it_and_the_other_ones_lump_does_not(wallets: Town) -> None:
    one, other = wallets.trades[0].amount - FEE, wallets.trades[1].amount + 7
    wallets.bill(wallets.trades[0])
    wallets.statement(one, other, use="结算款")
    wallets.statement(500, on=23, use=f"{OTHER} 结算")
    run = wallets.reconcile()
    assert dict(run.matched) == {LUMP: 1}
    kinds = {each.amount: each.kind for each in run.open}
    assert kinds == {other: "channel_bill_missing", 500: "channel_bill_missing"}


def test_a_payment_that_one_merchant_told_of_does_not_hold_up_the_others_lump(wallets: Town) -> None:
    told = wallets.trades[1]
    said = Credit(
        supervised_account=ACCOUNT,
        serial=f"wechat-{told.transaction}",
        amount=told.amount,
        reference=told.order,
        remark="",
        payer="",
        payer_account="",
        paid_at=datetime.fromisoformat(f"{told.at}+08:00"),
    )
    payments.receive(wallets.db, [said], source="notification", now=at(7, 21, 20))
    wallets.bill(wallets.trades[0])
    wallets.statement(wallets.trades[0].amount - FEE)
    assert dict(wallets.reconcile().matched) == {LUMP: 1}
    wallets.bill(told, merchant=OTHER)
    wallets.statement(told.amount - FEE, on=23)
    assert dict(wallets.reconcile().matched) == {LUMP: 1}
    assert breaches(wallets.db) == []


def test_days_that_another_lump_brought_between_are_not_brought_twice(db: Connection) -> None:
    town = Town(db, WECHAT, families=3)
    days = [replace(each, at=f"2026-07-2{day} 10:00:00") for day, each in enumerate(town.trades, start=1)]
    days[1] = replace(days[1], fee=0)
    town.bill(*days)
    town.statement(days[1].amount, on=24)
    town.statement(days[0].amount + days[2].amount - 2 * FEE, on=27)
    run = town.reconcile()
    assert (dict(run.matched), run.open) == ({LUMP: 2}, [])
    assert breaches(db) == []


def test_the_database_keeps_one_word_of_a_whole_credit(wallet: Town) -> None:
    wallet.bill()
    wallet.statement(wallet.net)
    wallet.reconcile()
    rows = wallet.db.execute(text("SELECT serial, amount, ended_at FROM credit_in_parts")).all()
    assert [tuple(each) for each in rows] == [("B220", wallet.net, None)]
