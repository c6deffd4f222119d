"""Payment channels as the tests need them: their bills, their merchants, and a school whose families pay by them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from escrow.enrolment import payments
from escrow.enrolment.payments import Receipt
from escrow.enrolment.placing import Credit
from escrow.enrolment.tables import payment
from escrow.registry import merchants
from escrow.registry.merchants import Merchant, PaymentChannel
from escrow.settlement import merchant_bills, reconciling, statements
from escrow.settlement.reconciling import Reconciliation
from escrow.settlement.tables import match
from tests.escrow.county import BUREAU, at, family, order, school, signed
from tests.escrow.settlement.bank_days import BankLine, written
from tests.reconciliation.bill_files import MERCHANT, Trade, alipay, unionpay, wechat

ACCOUNT: Final = "6200000001"
FEE: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A payment channel: how its bills are written, who pays, and its merchant as bills and notices name it."""

    name: PaymentChannel
    bill: Callable[[list[Trade]], bytes]
    payer: str
    merchant: str


CHANNELS: Final = [
    Channel(name="wechat", bill=lambda it: wechat(it).encode(), payer="财付通支付科技有限公司", merchant=MERCHANT),
    Channel(
        name="alipay",
        bill=lambda it: alipay(it).encode("gb18030"),
        payer="支付宝（中国）网络技术有限公司",
        merchant="2088542123456",
    ),
    Channel(name="unionpay", bill=unionpay, payer="银联商务股份有限公司", merchant=MERCHANT),
]
WECHAT: Final = CHANNELS[0]


class Town:
    """One school with a channel's merchant, and families with an order each, all paid on Tuesday 21 July."""

    def __init__(self, db: Connection, channel: Channel, *, families: int = 2) -> None:
        self.db, self.channel = db, channel
        self.of = of = school(db)
        self.bind(channel.merchant)
        self.orders = [order(db, signed(db, of, family(db, each + 1)), now=at(7, 21, 9)) for each in range(families)]
        self.trades = [
            Trade(order=each.reference, amount=each.amount, fee=FEE, at=f"2026-07-21 1{hour}:00:00")
            for hour, each in enumerate(self.orders)
        ]
        self.balance = 0

    @property
    def net(self) -> int:
        return sum(each.amount - each.fee for each in self.trades)

    def bind(self, number: str) -> None:
        wanted = Merchant(channel=self.channel.name, number=number, supervised_account=ACCOUNT)
        merchants.bind(self.db, wanted, by=BUREAU, now=at(7, 1))

    def bill(self, *trades: Trade, merchant: str = "") -> None:
        data = self.channel.bill(list(trades or self.trades))
        if merchant:
            data = data.replace(self.channel.merchant.encode(), merchant.encode())
        merchant_bills.import_file(self.db, data, account=ACCOUNT, by=BUREAU, now=at(7, 22))

    def statement(self, *amounts: int, on: int = 22, use: str = "结算款", payer: str | None = None) -> None:
        lines = [
            BankLine(
                amount=amount,
                at=at(7, on, 9, minute),
                serial=f"B{on}{minute}",
                use=use,
                party=self.channel.payer if payer is None else payer,
            )
            for minute, amount in enumerate(amounts)
        ]
        data = written(ACCOUNT, lines, opening=self.balance)
        self.balance += sum(amounts)
        statements.import_file(self.db, data, filename="day.csv", account=ACCOUNT, by=BUREAU, now=at(7, 24))

    def reconcile(self) -> Reconciliation:
        return reconciling.reconcile(self.db, ACCOUNT, by=BUREAU, now=at(7, 24))

    def told(self, serial: str, amount: int) -> Receipt:
        """The bank notifies a credit of so many fen."""
        said = Credit(
            supervised_account=ACCOUNT,
            serial=serial,
            amount=amount,
            reference="",
            remark="结算款",
            payer=self.channel.payer,
            payer_account="",
            paid_at=at(7, 22, 9),
        )
        [receipt] = payments.receive(self.db, [said], source="notification", now=at(7, 25))
        return receipt

    def booked(self) -> Mapping[str, tuple[str, int]]:
        p = payment.c
        return {row.serial: (row.state, row.amount) for row in self.db.execute(select(p.serial, p.state, p.amount))}

    def evidence(self) -> list[str]:
        query = select(match.c.evidence).where(match.c.line_id.is_not(None), match.c.undone_at.is_(None))
        return list(self.db.execute(query.order_by(match.c.id)).scalars())


def placed(town: Town, trades: list[Trade]) -> Mapping[str, tuple[str, int]]:
    return {f"{town.channel.name}-{each.transaction}": ("placed", each.amount) for each in trades}
