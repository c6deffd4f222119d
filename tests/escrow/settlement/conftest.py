"""A sandbox bank for one school's account, and the bank's day: its words heard, its files taken."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from escrow.access import keys
from escrow.bank.sandbox import Fault, SandboxBank
from escrow.bank.sandbox.bank import StatementFormat
from escrow.enrolment import notifications
from escrow.enrolment.orders import Order
from escrow.payouts import batches
from escrow.settlement import reconciling, statements
from escrow.settlement.reconciling import Reconciliation
from escrow.settlement.statements import Imported
from qrpay.webhooks import verify
from tests.escrow.county import BUREAU, School, at, school


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A school, its bank, and what passes between them."""

    db: Connection
    of: School
    bank: SandboxBank

    def pay(self, order: Order, now: datetime, *, amount: int | None = None, fault: Fault | None = None) -> str:
        """A guardian pays an order; the bank's serial."""
        return self.bank.pay(
            account=self.of.account,
            amount_minor=order.amount if amount is None else amount,
            payer="王芳1",
            payer_account="6222000000000001",
            remark=f"{order.reference} 学费",
            reference=order.reference,
            at=now,
            fault=fault,
        )

    def hear(self, now: datetime) -> list[str]:
        """Hear what the bank has to say; what became of each payment."""
        answers = []
        for notice in self.bank.due(now):
            event = verify(notice.headers, notice.body, keys=keys.bank_keys(self.db), now=now)
            answers += [answer["status"] for answer in notifications.hear(self.db, event, now=now)["events"]]
            self.bank.acknowledge(notice.webhook_id)
        return answers

    def send(self, now: datetime) -> None:
        """Send what was decided; the bank executes it at once."""
        batch = batches.make(self.db, by=BUREAU, now=now)
        receipt = self.bank.deliver(batches.file_of(self.db, batch.id), at=now)
        assert receipt.status == "accepted"

    def take(
        self,
        begins: date,
        ends: date,
        *,
        form: StatementFormat = "camt.053",
        now: datetime = at(10, 1),  # noqa: B008  a fixed moment
    ) -> Sequence[Imported]:
        """Import the statement of some days."""
        data = self.bank.statement(self.of.account, begins=begins, ends=ends, format=form)
        return self.take_file(data, now=now)

    def take_file(self, data: bytes, *, now: datetime = at(10, 1)) -> Sequence[Imported]:  # noqa: B008  a fixed moment
        """Import a file as it is."""
        return statements.import_file(self.db, data, filename="a file", account=self.of.account, by=BUREAU, now=now)

    def reconcile(self, now: datetime = at(10, 1)) -> Reconciliation:  # noqa: B008  a fixed moment
        """Reconcile the account."""
        return reconciling.reconcile(self.db, self.of.account, by=BUREAU, now=now)


@pytest.fixture
def day(db: Connection, tmp_path: Path) -> Iterator[Day]:
    """The first school, with a bank that opened its account on the first of July."""
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        of = school(db)
        bank.open_account(of.account, of.institution.name)
        keys.trust_bank(db, bank.public_key(not_before=at(7, 1)))
        yield Day(db=db, of=of, bank=bank)
