"""Refunds that a channel pays back: registered once, on the bill under our number, left with the lump, paid once."""

from dataclasses import replace
from datetime import date
from typing import Final

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from escrow.enrolment import contracts
from escrow.payouts import batches, channel_refunds, instructions, payees, refunds
from escrow.payouts.batches import NothingToSend
from escrow.payouts.channel_refunds import NoSuchMerchant, NotForAChannel, NotWithAChannel
from escrow.payouts.instructions import Instruction
from escrow.payouts.tables import instruction
from escrow.refusals import Forbidden, ReasonMissing, Unknown
from escrow.settlement import signing, undoing
from escrow.settlement.breaks import Break
from escrow.settlement.making import LUMP
from escrow.settlement.tables import match
from tests.escrow.county import BUREAU, RULEBOOK, at, balances, breaches
from tests.escrow.settlement.channels import CHANNELS, FEE, WECHAT, Channel, Town
from tests.reconciliation.bill_files import Trade

ACCOUNT: Final = "6200000001"


class Back(Town):
    """Four families pay through a channel; the first one's contract is repaid after its lump."""

    def __init__(self, db: Connection, channel: Channel) -> None:
        super().__init__(db, channel, families=4)
        self.bill(self.trades[0])
        self.statement(self.trades[0].amount - FEE)
        assert dict(self.reconcile().matched) == {LUMP: 1}
        self.contract = self.orders[0].contract_id
        refunds.ask(db, self.contract, rulebook=RULEBOOK, by=BUREAU, now=at(7, 22, 18))

    @property
    def payout(self) -> Instruction:
        (row,) = self.db.execute(select(instruction)).all()
        return instructions.as_instruction(row)

    def send(self) -> Instruction:
        return channel_refunds.send(self.db, self.payout.id, channel=self.channel.name, by=BUREAU, now=at(7, 22, 19))

    def refunded(self, **changed: object) -> Trade:
        """The refund as the channel's bill of Thursday tells it."""
        amount, number, order = self.payout.amount, self.payout.end_to_end, self.trades[0].order
        row = Trade(order=order, amount=amount, fee=-FEE, refund="50001", number=number, at="2026-07-22 20:00:00")
        return replace(row, **changed)  # type: ignore[arg-type]  # its own fields

    def wednesday(self, *back: Trade) -> list[Break]:
        """The bill of Wednesday, and on Thursday the lump that was less by what went back; what is open then."""
        paid = [replace(each, at=f"2026-07-22 1{at_}:00:00") for at_, each in enumerate(self.trades[1:])]
        self.bill(*paid, *back)
        came = sum(each.amount - each.fee for each in paid)
        gone = sum(each.amount + each.fee for each in back)
        self.statement(came - gone, on=23)
        return list(self.reconcile().open)


@pytest.fixture(params=CHANNELS, ids=lambda each: each.name)
def back(db: Connection, request: pytest.FixtureRequest) -> Back:
    return Back(db, request.param)


@pytest.fixture
def wallet(db: Connection) -> Back:
    return Back(db, WECHAT)


def test_a_refund_that_the_channel_paid_back_leaves_once_with_its_lump_and_in_no_file(back: Back) -> None:
    assert back.payout.payable is False, "a channel does not tell the payer's account"
    sent = back.send()
    assert (sent.state, sent.channel, payees.stuck(back.db)) == ("sent", back.channel.name, [])
    with pytest.raises(NothingToSend):
        batches.make(back.db, by=BUREAU, now=at(7, 23))
    assert back.wednesday(back.refunded()) == []
    held = balances(back.db)
    assert (back.payout.state, held.get(contracts.refund_path(back.contract), 0)) == ("settled", 0)
    assert held[f"bank/{ACCOUNT}"] == 3 * (back.trades[0].amount - FEE)
    assert held[f"bank/{ACCOUNT}/fees"] == 3 * FEE
    assert back.reconcile().matched == {}
    signing.sign_off(back.db, ACCOUNT, date(2026, 7, 23), by=BUREAU, now=at(7, 27))
    assert breaches(back.db) == []


def test_a_refund_that_nobody_has_registered_is_left_to_people_and_then_matched(wallet: Back) -> None:
    number = wallet.payout.end_to_end
    (found,) = [each for each in wallet.wednesday(wallet.refunded()) if each.line_id is not None]
    assert found.kind == "channel_lump"
    assert f"退款编号 {number}，退费指令状态 instructed，尚未登记为经 wechat 退回" in found.detail
    assert wallet.payout.state == "instructed"
    wallet.send()
    run = wallet.reconcile()
    assert (dict(run.matched), run.open, wallet.payout.state) == ({LUMP: 1}, [], "settled")
    assert breaches(wallet.db) == []


def test_a_refund_that_a_file_for_the_bank_holds_is_never_taken_for_the_channels(wallet: Back) -> None:
    named = payees.propose(
        wallet.db,
        wallet.payout.id,
        creditor="王芳",
        creditor_account="6222000000000009",
        reason="家长提供",
        by=BUREAU,
        now=at(7, 22),
    )
    other = replace(BUREAU, name="李主任")
    attempt = payees.approve(wallet.db, named.id, by=other, now=at(7, 22))
    batches.make(wallet.db, by=BUREAU, now=at(7, 23))
    with pytest.raises(NotForAChannel) as refused:
        channel_refunds.send(wallet.db, attempt.id, channel="wechat", by=BUREAU, now=at(7, 23))
    assert refused.value.facts == {"payout": attempt.end_to_end, "kind": "refund", "state": "sent"}
    row = Trade(order="T", amount=attempt.amount, fee=-FEE, refund="5", number=attempt.end_to_end)
    found = wallet.wednesday(replace(row, at="2026-07-22 20:00:00"))
    (lump,) = [each for each in found if each.line_id is not None]
    assert "疑为重复退款" in lump.detail
    assert breaches(wallet.db) == []


def test_a_debit_of_the_bank_that_names_a_refund_of_the_channel_is_no_payment_of_it(wallet: Back) -> None:
    sent = wallet.send()
    wallet.statement(5 * sent.amount, on=23, payer="张三")
    wallet.statement(-sent.amount, on=24, use=sent.end_to_end, payer="王芳")
    assert [each.amount for each in wallet.reconcile().open if each.line_id is not None] == [-sent.amount]
    assert wallet.payout.state == "sent"
    assert breaches(wallet.db) == []


def test_two_rows_under_one_number_are_for_people(wallet: Back) -> None:
    wallet.send()
    half = wallet.payout.amount // 2
    rows = [wallet.refunded(amount=half, fee=0, refund=name) for name in ("50001", "50002")]
    (found,) = [each for each in wallet.wednesday(*rows) if each.line_id is not None]
    assert "账单上不止一笔退款使用该编号" in found.detail
    assert wallet.payout.state == "sent"


def test_a_refund_of_another_amount_is_named_with_both(wallet: Back) -> None:
    wallet.send()
    (found,) = [each for each in wallet.wednesday(wallet.refunded(amount=99_999)) if each.line_id is not None]
    assert "账上 -1000.00，渠道账单 -999.99" in found.detail
    assert wallet.payout.state == "sent"


def test_of_two_refunds_of_one_order_only_the_one_under_our_number_is_ours(wallet: Back) -> None:
    wallet.send()
    (found,) = [
        each
        for each in wallet.wednesday(wallet.refunded(number="R1", refund="40000"), wallet.refunded())
        if each.line_id is not None
    ]
    assert f"订单 {wallet.trades[0].order} -1000.00" in found.detail
    assert wallet.payout.end_to_end not in found.detail


def test_a_lump_with_a_refund_that_is_undone_puts_it_on_its_way_again(wallet: Back) -> None:
    wallet.send()
    wallet.wednesday(wallet.refunded())
    made = wallet.db.execute(select(match.c.id).where(match.c.instruction_id.is_not(None))).scalar_one()
    undoing.undo(wallet.db, made, reason="渠道更正", by=BUREAU, now=at(7, 24))
    assert (wallet.payout.state, balances(wallet.db)[contracts.refund_path(wallet.contract)]) == ("sent", 100_000)
    assert breaches(wallet.db) == []


def test_what_the_channel_will_not_pay_back_is_owed_and_waits_for_an_account(wallet: Back) -> None:
    sent = wallet.send()
    with pytest.raises(ReasonMissing):
        channel_refunds.failed(wallet.db, sent.id, reason=" ", by=BUREAU, now=at(7, 23))
    ended = channel_refunds.failed(wallet.db, sent.id, reason="商户余额不足", by=BUREAU, now=at(7, 23))
    assert (ended.state, ended.why) == ("rejected", "商户余额不足")
    assert [each.id for each in payees.stuck(wallet.db)] == [sent.id]
    with pytest.raises(NotWithAChannel):
        channel_refunds.failed(wallet.db, sent.id, reason="再次", by=BUREAU, now=at(7, 23))
    with pytest.raises(NotForAChannel):
        wallet.send()
    assert balances(wallet.db)[contracts.refund_path(wallet.contract)] == 100_000
    assert breaches(wallet.db) == []


def test_only_a_refund_only_through_a_bound_merchant_and_only_by_those_who_pay(wallet: Back) -> None:
    number, school = wallet.payout.id, wallet.of.caller
    with pytest.raises(NoSuchMerchant):
        channel_refunds.send(wallet.db, number, channel="alipay", by=BUREAU, now=at(7, 23))
    with pytest.raises(Forbidden):
        channel_refunds.send(wallet.db, number, channel="wechat", by=school, now=at(7, 23))
    with pytest.raises(Unknown):
        channel_refunds.send(wallet.db, 1, channel="wechat", by=BUREAU, now=at(7, 23))


def test_the_database_itself_lets_no_refund_be_paid_both_ways(wallet: Back) -> None:
    wallet.send()
    forced = text("UPDATE payout_instruction SET kind = 'release'")
    with pytest.raises(DBAPIError, match="channel"), wallet.db.begin_nested():
        wallet.db.execute(forced)
    with pytest.raises(DBAPIError, match=r"sent|channel"), wallet.db.begin_nested():
        wallet.db.execute(text("UPDATE payout_instruction SET state = 'instructed'"))
