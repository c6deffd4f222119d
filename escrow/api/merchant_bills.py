"""Merchant bills: what a payment channel says of each order comes in as a file and can be looked up."""

import hashlib
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, UploadFile
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Act, Look, looking, moving_money_by_form
from escrow.api.description import BANK, may_refuse
from escrow.api.shapes import BankAccount, Fen, PathId, Shown
from escrow.api.statements import RunShown
from escrow.refusals import Unknown
from escrow.settlement import merchant_bills
from escrow.settlement.merchant_bills import BillContradicts, BillOfAnotherAccount
from escrow.settlement.reconciling import reconcile
from escrow.settlement.statements import NotSupervised
from reconciliation.statement import BadRow, ControlTotalsBroken, NotAStatement, TooLarge, UnknownLayout

routes = APIRouter(tags=[BANK])


class MerchantBillShown(Shown):
    """A payment channel's bill in the books (交易账单)."""

    id: int
    account: str
    channel: str = Field(description="wechat, alipay or unionpay.")
    format: str
    begins: date | None = Field(description="The day of its first trade; null where nothing was traded.")
    ends: date | None
    trades: int = Field(description="Payments and refunds that the file holds.")
    net: Fen = Field(description="What should reach the bank: payments less refunds less fees.")
    sha256: str = Field(description="Of the file.")
    imported_at: datetime
    imported_by: str


class MerchantBillImported(MerchantBillShown):
    """A bill as it was taken in now."""

    fresh: int = Field(description="Payments and refunds that no earlier bill had brought.")


class BillTakenIn(Shown):
    """What a file held, and what came of it."""

    bill: MerchantBillImported
    reconciliation: RunShown


@routes.post(
    "/merchant-bills",
    status_code=201,
    response_model=BillTakenIn,
    responses=may_refuse(
        *(NotAStatement, UnknownLayout, BadRow, ControlTotalsBroken, TooLarge),
        *(NotSupervised, BillOfAnotherAccount, BillContradicts),
        keyed=True,
    ),
    summary="Import a channel's bill 导入渠道交易账单",
)
def take_in(
    act: Annotated[Act, Depends(moving_money_by_form("bureau", "bank"))],
    file: Annotated[
        UploadFile, File(description="The bill of all trades, as WeChat Pay, Alipay or UnionPay wrote it.")
    ],
    account: Annotated[BankAccount, Form(description="The supervised account that the merchant pays into.")],
) -> Response:
    """Read, checked against its own totals, and kept row by row, whole or not at all. The same file, or rows that an
    earlier bill told of, are kept once; a row that says otherwise is refused. Nothing is booked from a bill alone: the
    account is reconciled, and where the bank's net, the bill and the orders agree, the payments are booked."""
    data = file.file.read()

    def do(db: Connection) -> BillTakenIn:
        kept = merchant_bills.import_file(db, data, account=account, by=act.by, now=act.now)
        run = reconcile(db, account, by=act.by, now=act.now)
        return BillTakenIn(bill=MerchantBillImported.model_validate(kept), reconciliation=RunShown.of(run))

    return act.on(hashlib.sha256(data).digest(), account.encode())(do, status=201)


@routes.get("/merchant-bills/{bill_id}", responses=may_refuse(Unknown), summary="A channel's bill 渠道交易账单")
def show(bill_id: PathId, look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))]) -> MerchantBillShown:
    """What the file said in all."""
    return look(lambda db: MerchantBillShown.model_validate(merchant_bills.get(db, bill_id)))
