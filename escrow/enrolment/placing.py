"""Where a payment belongs: on the order it names, or in suspense and why. A pure decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from escrow.enrolment.orders import Order

Reason = Literal[
    "",
    "no_reference",
    "unknown_order",
    "other_account",
    "wrong_amount",
    "order_paid_already",
    "order_expired",
    "order_cancelled",
    "contract_ended",
    "contract_paid_already",
]

Code = Literal["", "dynamic", "static"]

IN_CHINESE: Mapping[str, str] = {
    "no_reference": "附言中没有订单号",
    "unknown_order": "订单号不存在",
    "other_account": "付入的账户不是该订单的监管账户",
    "wrong_amount": "金额与订单不符",
    "order_paid_already": "订单此前已支付",
    "order_expired": "付款时订单已过期",
    "order_cancelled": "订单已取消",
    "contract_ended": "合同已终止",
    "contract_paid_already": "金额超过合同尚未支付的款项",
    "reversal_undone": "冲正已撤销，款项待重新认领",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Money that the bank says has come into a supervised account. `amount` in fen; `serial` is the bank's own id.

    `reference` is the order's, as the bank carried it or as it was found in the remark; empty where there is none.
    `code` is the kind of code that was scanned, where the bank says.
    """

    supervised_account: str
    serial: str
    amount: int
    reference: str
    remark: str
    payer: str
    payer_account: str
    paid_at: datetime
    code: Code = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """An order with what a payment on it depends on. `due`: fen of the contract's price that nobody has paid yet."""

    order: Order
    supervised_account: str
    contract_open: bool
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """The decision about one credit: on `order` (reason empty), or into suspense for `reason`."""

    credit: Credit
    order: Order | None
    reason: Reason


def place(credits: Sequence[Credit], payables: Mapping[str, Payable]) -> list[Placing]:
    """Decide a batch in its order: the first right payment takes an order, every later one finds it paid."""
    standing, due = dict(payables), {each.order.contract_id: each.due for each in payables.values()}
    placings = []
    for credit in credits:
        payable = standing.get(credit.reference)
        if payable is not None:
            payable = replace(payable, due=due[payable.order.contract_id])
        reason = why_not(credit, payable)
        if payable is None or reason:
            placings.append(Placing(credit=credit, order=None, reason=reason))
            continue
        placings.append(Placing(credit=credit, order=payable.order, reason=""))
        standing[credit.reference] = replace(payable, order=replace(payable.order, state="paid"))
        due[payable.order.contract_id] -= credit.amount
    return placings


def why_not(credit: Credit, payable: Payable | None) -> Reason:
    """Why a credit cannot be placed, or the empty reason.

    An order's expiry is judged by when the money was paid, not by when the bank's word arrives.
    """
    if payable is None:
        return "unknown_order" if credit.reference else "no_reference"
    order = payable.order
    obstacles: list[tuple[bool, Reason]] = [
        (payable.supervised_account != credit.supervised_account, "other_account"),
        (order.state == "paid", "order_paid_already"),
        (order.amount != credit.amount, "wrong_amount"),
        (order.state == "cancelled", "order_cancelled"),
        (not payable.contract_open, "contract_ended"),
        (credit.paid_at > order.expires_at, "order_expired"),
        # The bank's word about an expired order may come late, when another one has been paid in its place.
        (credit.amount > payable.due, "contract_paid_already"),
    ]
    return next((reason for stands, reason in obstacles if stands), "")
