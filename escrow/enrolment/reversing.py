"""Payments that the bank takes back: as if the money had not come, and nothing of what was said about it is lost."""

from datetime import datetime

from sqlalchemy import Connection, select, update

import ledger.accounts
from escrow.enrolment import contracts
from escrow.enrolment.payments import Payment, as_payment
from escrow.enrolment.tables import payment as table
from escrow.enrolment.tables import payment_order
from ledger.entries import Transfer


def standing(db: Connection, payment: Payment) -> int | None:
    """Fen of it that can still be taken from where it was put; None: it is on its way back, or has been taken back.

    The contract is locked before its ledger account, as everybody does.
    """
    if payment.state not in ("placed", "suspense"):
        return None
    if payment.contract_id is not None:
        contracts.get(db, payment.contract_id, lock=True)
    found = ledger.accounts.find(db, [stands_at(payment), payment.bank_path], lock=True)
    return min(each.available for each in found.values())


def stands_at(payment: Payment) -> str:
    """The ledger account that holds it for its owner."""
    return payment.suspense_path if payment.contract_id is None else contracts.prepaid_path(payment.contract_id)


def take_back(db: Connection, payment: Payment, *, reference: str, effective: datetime) -> Transfer:
    """Note that a payment did not last; its order can be paid again. The transfer that books it, to be posted."""
    db.execute(update(table).where(table.c.id == payment.id).values(state="reversed", contract_id=None, order_id=None))
    if payment.order_id is not None and payment.contract_id is not None:
        state = "open" if contracts.get(db, payment.contract_id).state == "open" else "cancelled"
        db.execute(update(payment_order).where(payment_order.c.id == payment.order_id).values(state=state))
    return Transfer(
        debit=stands_at(payment),
        credit=payment.bank_path,
        amount=payment.amount,
        kind="reversal",
        reference=reference,
        effective=effective,
        corrects=f"payment/{payment.supervised_account}/{payment.serial}",
    )


def give_again(db: Connection, payment: Payment, *, reference: str, effective: datetime) -> Transfer:
    """Note that a payment that was taken back came after all: it stands in suspense. The transfer, to be posted."""
    db.execute(update(table).where(table.c.id == payment.id).values(state="suspense", reason="reversal_undone"))
    return Transfer(
        debit=payment.bank_path,
        credit=payment.suspense_path,
        amount=payment.amount,
        kind="suspense",
        reference=reference,
        effective=effective,
        corrects=f"payment/{payment.supervised_account}/{payment.serial}",
    )


def by_id(db: Connection, payment_id: int) -> Payment:
    """One payment, locked."""
    return as_payment(db.execute(select(table).where(table.c.id == payment_id).with_for_update()).one())
