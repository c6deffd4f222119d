"""Refunds: what was paid and not taught goes back to whoever paid it, on the guardian's word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

import ledger.accounts
from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts, orders, payments
from escrow.enrolment.contracts import Contract
from escrow.enrolment.payments import Payment
from escrow.payouts import instructions
from escrow.payouts.instructions import Wanted
from escrow.payouts.tables import instruction
from escrow.payouts.tables import refund as table
from escrow.refusals import Conflict
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook
from escrow.teaching.shares import share
from escrow.teaching.tables import attendance
from ledger.chunks import chunks
from ledger.entries import Transfer
from ledger.money import Money
from ledger.posting import post_all


class NothingToRefund(Conflict):
    """Nothing of contract {contract} can be repaid: {prepaid} are prepaid, of which {held_back} belong to lessons that
    are recorded and not yet confirmed or decided."""

    zh = "合同 {contract} 无可退金额：预付余额 {prepaid}，其中 {held_back} 属于已记录、尚待确认或处理的课时。"


class RefundNotComputed(Conflict):
    """Refunds by {way} ({rule}) are not computed here, only pro rata by lessons. Let the bureau set refund.price to
    pro_rata for this jurisdiction; until then nothing was changed."""

    zh = "本系统目前只按课时比例计算退费，不支持 {way}（{rule}）。请由教育局为该辖区设定 refund.price 为 pro_rata。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A decided refund (退费). `amount` and `held_back` in fen; `rule` is the version of refund.price that made it."""

    id: int
    contract_id: int
    closure_id: int | None
    amount: int
    held_back: int
    rule: str
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """What one contract can give back: prepaid fen, and the part held back for lessons not yet confirmed."""

    contract: Contract
    prepaid: int
    held_back: int

    @property
    def amount(self) -> int:
        return max(self.prepaid - self.held_back, 0)


def ask(db: Connection, contract_id: int, *, rulebook: Rulebook, by: Caller, now: datetime) -> Refund:
    """End a contract and repay what was not taught: pro rata, to the original payer.

    Lessons recorded and not yet confirmed are held back; when one is struck out later, asking again repays it.
    Raises Unknown, NothingToRefund.
    """
    contract = contracts.get(db, contract_id, lock=True)
    by.must_act_for("family", contract.guardian_id, "contract", contract.id)
    institution = institutions.get(db, contract.institution_id)
    rule = price_rule(rulebook, institution.jurisdiction, now)
    found = refundable(db, [contract])[0]
    if found.amount == 0:
        raise NothingToRefund(
            contract=contract.id, prepaid=Money(found.prepaid).major, held_back=Money(found.held_back).major
        )
    return repay(db, [found], rule=rule, supervised_account=institution.supervised_account, by=by, now=now)[0]


def price_rule(rulebook: Rulebook, jurisdiction: str, now: datetime) -> Rule:
    """The rule by which a refund is computed here (refund.price). Raises RefundNotComputed for all but pro rata."""
    rule = rulebook.require("refund.price", jurisdiction=jurisdiction, on=now.astimezone(SHANGHAI).date())
    if rule.text != "pro_rata":
        raise RefundNotComputed(way=rule.text, rule=rule.version)
    return rule


def refundable(db: Connection, held: Sequence[Contract], *, lock: bool = True) -> list[Refundable]:
    """What contracts can give back, for all of them in two queries; with `lock` their prepaid accounts stay locked."""
    prepaid = ledger.accounts.find(db, [each.prepaid_path for each in held], lock=lock)
    unsettled = _unsettled(db, [each.id for each in held])
    return [
        Refundable(
            contract=each,
            prepaid=prepaid[each.prepaid_path].available,
            held_back=sum(
                share(each.price, each.lessons, each.taught + later)
                for later in range(1, unsettled.get(each.id, 0) + 1)
            ),
        )
        for each in held
    ]


def repay(
    db: Connection,
    found: Sequence[Refundable],
    *,
    rule: Rule,
    supervised_account: str,
    by: Caller,
    now: datetime,
    closure_id: int | None = None,
) -> list[Refund]:
    """Book and instruct refunds of one institution's contracts, all in one act, and end the contracts."""
    ids = [each.contract.id for each in found]
    contracts.end(db, ids)
    orders.cancel_of_contracts(db, ids)
    refunds = _add(db, [each for each in found if each.amount], rule=rule, closure_id=closure_id, by=by, now=now)
    transfers = [
        Transfer(
            debit=contracts.prepaid_path(each.contract_id),
            credit=contracts.refund_path(each.contract_id),
            amount=each.amount,
            kind="refund",
            reference=f"refund/{each.id}",
            effective=now,
        )
        for each in refunds
    ]
    post_all(db, transfers, now=now, caller_key=by.key)
    paid, repaid = _paid(db, ids), _repaid(db, ids)
    wanted = [
        line
        for each in refunds
        for line in to_payers(
            each, paid[each.contract_id], repaid.get(each.contract_id, {}), supervised_account=supervised_account
        )
    ]
    instructions.add(db, wanted, now=now)
    for each in refunds:
        trail.record(db, by, "refund.decided", f"contract:{each.contract_id}", now=now, amount=each.amount)
    return refunds


def to_payers(
    refund: Refund, paid: Sequence[Payment], repaid: Mapping[str, int], *, supervised_account: str
) -> list[Wanted]:
    """Divide a refund over those who paid, the latest payment first; one payout for each payer. Pure.

    `repaid` is what earlier refunds of the contract gave back, by payer's account.
    """
    shares: dict[tuple[str, str], int] = {}
    left = refund.amount
    earlier = dict(repaid)
    for payment in reversed(paid):
        used = min(earlier.get(payment.payer_account, 0), payment.amount)
        earlier[payment.payer_account] = earlier.get(payment.payer_account, 0) - used
        part = min(left, payment.amount - used)
        if part:
            payer = (payment.payer, payment.payer_account)
            shares[payer] = shares.get(payer, 0) + part
            left -= part
    if left:
        raise ArithmeticError(f"refund {refund.id} is {left} fen more than was ever paid on its contract")
    return [
        Wanted(
            kind="refund",
            source_id=refund.id,
            supervised_account=supervised_account,
            amount=amount,
            creditor=name,
            creditor_account=account,
            owed_path=contracts.refund_path(refund.contract_id),
        )
        for (name, account), amount in shares.items()
    ]


def _unsettled(db: Connection, contract_ids: Sequence[int]) -> dict[int, int]:
    """How many lessons of each contract are recorded or disputed: taught perhaps, and not decided yet."""
    a = attendance.c
    counts: dict[int, int] = {}
    for chunk in chunks(contract_ids):
        query = select(a.contract_id).where(a.contract_id.in_(chunk), a.state.in_(("recorded", "disputed")))
        for row in db.execute(query):
            counts[row.contract_id] = counts.get(row.contract_id, 0) + 1
    return counts


def _paid(db: Connection, contract_ids: Sequence[int]) -> dict[int, list[Payment]]:
    paid: dict[int, list[Payment]] = {}
    for chunk in chunks(contract_ids):
        for each in payments.of_contract(db, chunk):
            if each.contract_id is not None:
                paid.setdefault(each.contract_id, []).append(each)
    return paid


def _repaid(db: Connection, contract_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """What earlier refunds gave back, by contract and payer's account."""
    repaid: dict[int, dict[str, int]] = {}
    for chunk in chunks(contract_ids):
        query = (
            select(table.c.contract_id, instruction.c.creditor_account, instruction.c.amount)
            .join(table, table.c.id == instruction.c.source_id)
            .where(instruction.c.kind == "refund", table.c.contract_id.in_(chunk))
            .where(instruction.c.id == instruction.c.claim)  # each claim once, under the account that had paid
        )
        for row in db.execute(query):
            of_contract = repaid.setdefault(row.contract_id, {})
            of_contract[row.creditor_account] = of_contract.get(row.creditor_account, 0) + row.amount
    return repaid


def _add(
    db: Connection,
    found: Sequence[Refundable],
    *,
    rule: Rule,
    closure_id: int | None,
    by: Caller,
    now: datetime,
) -> list[Refund]:
    rows = [
        {
            "contract_id": each.contract.id,
            "closure_id": closure_id,
            "amount": each.amount,
            "held_back": each.held_back,
            "rule": rule.version,
            "requested_by": by.name,
            "requested_at": now,
        }
        for each in found
    ]
    added: list[Refund] = []
    for chunk in chunks(rows):
        added += [Refund(**row._asdict()) for row in db.execute(insert(table).returning(table), chunk)]
    return sorted(added, key=lambda each: each.id)
