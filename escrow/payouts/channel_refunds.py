"""Refunds that go back the way the money came: a payment channel pays them under our number, and no file has them."""

from datetime import datetime

from sqlalchemy import Connection, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.payouts import instructions, outcomes
from escrow.payouts.instructions import Instruction
from escrow.payouts.outcomes import Told
from escrow.payouts.tables import instruction
from escrow.refusals import Conflict, ReasonMissing, Unknown
from escrow.registry import merchants
from escrow.registry.merchants import PaymentChannel


class NotForAChannel(Conflict):
    """The payout {payout} is a {kind} and {state}. A channel can pay back a refund that is in no file for the bank yet:
    what has been sent to the bank is paid by the bank, or not at all."""

    zh = "付款指令 {payout} 类别为 {kind}、状态为 {state}；只有尚未发送银行的退费可经支付渠道退回，已发送的由银行支付。"


class NoSuchMerchant(Conflict):
    """No merchant of {channel} pays into the account {account}. Bind it first, or let the bank pay the refund."""

    zh = "账户 {account} 没有绑定 {channel} 的商户号；请先绑定，或由银行支付该退费。"


class NotWithAChannel(Conflict):
    """The payout {payout} is {state} and {way}; only what a channel was to pay back can fail there."""

    zh = "付款指令 {payout} 的状态为 {state}，{way_zh}；只有已交支付渠道、尚未退回的才能登记渠道退款失败。"


def send(db: Connection, instruction_id: int, *, channel: PaymentChannel, by: Caller, now: datetime) -> Instruction:
    """Let the channel pay a refund back, asked for under its end-to-end id: from now on no file for the bank has it.

    It leaves when a lump whose bill shows it is matched. Raises Unknown, NotForAChannel, NoSuchMerchant.
    """
    by.must_be("bureau", "bank")
    payout = _locked(db, instruction_id)
    if payout.kind != "refund" or payout.state != "instructed":
        raise NotForAChannel(payout=payout.end_to_end, kind=payout.kind, state=payout.state)
    if channel not in merchants.of_account(db, payout.supervised_account):
        raise NoSuchMerchant(channel=channel, account=payout.supervised_account)
    sent = update(instruction).where(instruction.c.id == payout.id).values(state="sent", channel=channel)
    made = instructions.as_instruction(db.execute(sent.returning(instruction)).one())
    trail.record(db, by, "payout.by_channel", f"payout:{payout.end_to_end}", now=now, channel=channel)
    return made


def failed(db: Connection, instruction_id: int, *, reason: str, by: Caller, now: datetime) -> Instruction:
    """Note that the channel will not pay it back: it is owed as before, and waits until an account is named for it.

    Raises Unknown, NotWithAChannel, ReasonMissing.
    """
    by.must_be("bureau", "bank")
    if not reason.strip():
        raise ReasonMissing
    payout = _locked(db, instruction_id)
    if payout.channel is None or payout.state != "sent":
        way, way_zh = ("paid by the bank", "由银行支付") if payout.channel is None else (payout.channel, payout.channel)
        raise NotWithAChannel(payout=payout.end_to_end, state=payout.state, way=way, way_zh=way_zh)
    outcomes.rejected(db, [Told(instruction_id=payout.id, at=now, reason=reason)], by=by, now=now)
    return instructions.by_id(db, [payout.id])[payout.id]


def _locked(db: Connection, instruction_id: int) -> Instruction:
    found = instructions.by_id(db, [instruction_id], lock=True).get(instruction_id)
    if found is None:
        raise Unknown(what="payout", key=instruction_id)
    return found
