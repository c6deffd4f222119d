"""The sandbox bank's counter: everything that families, the service and a test's ill will can ask of it."""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias, assert_never

from escrow.bank.sandbox import (
    camt053,
    corporate_files,
    corporate_layouts,
    execution,
    notices,
    pain002,
    statements,
    store,
)
from escrow.bank.sandbox.books import Entry, NoSuchPayout, positive
from escrow.bank.sandbox.dials import Dials, Fault, fate
from escrow.bank.sandbox.execution import Receipt
from escrow.bank.sandbox.notices import SignedNotification
from escrow.bank.sandbox.pain002 import ReportDials
from escrow.bank.sandbox.payments import Payment, Received, misheard
from qrpay.webhooks import Key, SigningKey

StatementFormat: TypeAlias = Literal["camt.053", "icbc-csv", "icbc-csv-new"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxBank:
    """A supervising bank of our own making. Amounts are fen; times are aware, and run forward for each account.

    The seed decides chance and stands in every serial as the branch's number (its last four digits): give two banks
    that one service meets two seeds, or their serials coincide.
    """

    connection: sqlite3.Connection
    key: SigningKey
    dials: Dials
    seed: int

    @classmethod
    def open(cls, path: Path, *, key: SigningKey, dials: Dials | None = None, seed: int = 0) -> Self:
        """Open the bank's file, or found the bank when there is none. Books and queue outlive the process."""
        return cls(connection=store.connect(path), key=key, dials=dials or Dials(), seed=seed)

    @staticmethod
    def new_key(key_id: str) -> SigningKey:
        """A fresh Ed25519 key for a bank to sign with."""
        return SigningKey(key_id=key_id, algorithm="v1a", material=secrets.token_bytes(32))

    def public_key(self, *, not_before: datetime, not_after: datetime | None = None) -> Key:
        """The public half of the bank's key, for the service's key ring."""
        return self.key.verifier(not_before=not_before, not_after=not_after)

    def open_account(self, account: str, holder: str, currency: str = "CNY") -> None:
        """Keep a supervised account from now on. Raises AccountTaken when it is another holder's."""
        with store.writing(self.connection):
            store.open_account(self.connection, account, holder, currency)

    def balance(self, account: str) -> int:
        """What the account holds now, in fen. Raises UnknownAccount."""
        return store.require_account(self.connection, account).balance_minor

    def pay(
        self,
        *,
        account: str,
        amount_minor: int,
        payer: str,
        payer_account: str,
        remark: str,
        at: datetime,
        reference: str = "",
        fault: Fault | None = None,
    ) -> str:
        """A family pays: one line in the books, one notification in the queue; the line's serial. As `pay_many`."""
        payment = Payment(
            account=account,
            amount_minor=amount_minor,
            payer=payer,
            payer_account=payer_account,
            remark=remark,
            at=at,
            reference=reference,
            fault=fault,
        )
        return self.pay_many([payment])[0]

    def pay_many(self, payments: Sequence[Payment]) -> list[str]:
        """Many payments in one transaction, booked in the order of their times; serials in the order given.

        Raises NotAPayment, UnknownAccount or BankClockRanBack; then none of them is booked.
        """
        order = sorted(range(len(payments)), key=lambda index: payments[index].at)
        with store.writing(self.connection):
            lines = store.book(self.connection, [payments[index].entry for index in order], branch=self._branch)
            fates = [
                payments[index].fault or fate(self.dials, serial=line.serial, reference=line.reference, seed=self.seed)
                for index, line in zip(order, lines, strict=True)
            ]
            notices.queue(self.connection, lines, fates, self.dials)
        serials = dict(zip(order, [line.serial for line in lines], strict=True))
        return [serials[index] for index in range(len(payments))]

    def due(self, now: datetime) -> list[SignedNotification]:
        """The notifications to send at `now`, signed at `now`. What is asked for counts as sent: it comes again after
        a growing interval, with the same webhook-id and body, until it is acknowledged."""
        with store.writing(self.connection):
            return notices.due(self.connection, now, dials=self.dials, key=self.key, seed=self.seed)

    def acknowledge(self, webhook_id: str) -> None:
        """The service answered 2xx. Twice is as good as once. Raises UnknownNotification."""
        with store.writing(self.connection):
            notices.acknowledge(self.connection, webhook_id)

    def resend_all(self, now: datetime) -> list[SignedNotification]:
        """Everything ever sent, acknowledged or not, once more; dropped ones stay lost. For crash tests."""
        return notices.again(self.connection, now, key=self.key)

    def deliver(self, file: bytes, *, at: datetime) -> Receipt:
        """Take a pain.001.001.09 file of payouts and execute at once what can be, whatever its execution date says.

        The same message id is executed once: the same bytes get the first receipt, other bytes are refused (DU01).
        """
        return execution.deliver(self.connection, file, at=at, branch=self._branch)

    def report(
        self,
        message_id: str,
        *,
        at: datetime,
        number: int = 1,
        version: pain002.Version = "10",
        dials: ReportDials | None = None,
    ) -> bytes:
        """The report (pain.002) on a file that was delivered; `number` tells several reports about one file apart.

        Raises NoSuchPayout when no file of this id came.
        """
        receipt = execution.receipt_of(self.connection, message_id)
        if receipt is None:
            raise NoSuchPayout(f"no payout file came as {message_id}")
        return pain002.write(receipt, at=at, number=number, version=version, dials=dials)

    def bounce(self, end_to_end: str, *, at: datetime) -> str:
        """An executed payout comes back (退汇): the amount is credited again. The new line's serial.

        Raises NoSuchPayout when it was never executed or has come back before.
        """
        with store.writing(self.connection):
            payouts = store.lines_where(
                self.connection, "end_to_end = ? AND kind IN ('payout', 'bounce')", [end_to_end]
            )
            if [line.kind for line in payouts] != ["payout"]:
                state = "has come back already" if payouts else "was never executed"
                raise NoSuchPayout(f"payout {end_to_end} {state}")
            returned = Entry(
                account=payouts[0].account,
                kind="bounce",
                amount_minor=-payouts[0].amount_minor,
                at=at,
                party=payouts[0].party,
                party_account=payouts[0].party_account,
                remark=f"{end_to_end} 退汇：收款账户已销户",
                end_to_end=end_to_end,
            )
            return self._book(returned)

    def pay_again(self, end_to_end: str, *, at: datetime) -> str:
        """The bank's mistake: an executed payout leaves a second time. The new line's serial, under no id of its own.

        Raises NoSuchPayout when it was never executed, BalanceTooSmall.
        """
        with store.writing(self.connection):
            payouts = store.lines_where(self.connection, "end_to_end = ? AND kind = 'payout'", [end_to_end])
            if not payouts:
                raise NoSuchPayout(f"payout {end_to_end} was never executed")
            first = payouts[0]
            twin = Entry(
                account=first.account,
                kind="payout",
                amount_minor=first.amount_minor,
                at=at,
                party=first.party,
                party_account=first.party_account,
                remark=first.remark,
            )
            return self._book(twin)

    def pay_unasked(
        self, account: str, amount_minor: int, *, party: str, party_account: str, remark: str, at: datetime
    ) -> str:
        """The bank's mistake: it pays what no file asked for, or another amount under a payout's remark. The serial."""
        unasked = Entry(
            account=account,
            kind="payout",
            amount_minor=-positive(amount_minor),
            at=at,
            party=party,
            party_account=party_account,
            remark=remark,
        )
        with store.writing(self.connection):
            return self._book(unasked)

    def pay_interest(self, account: str, amount_minor: int, *, at: datetime) -> str:
        """Interest (结息) credited to the account; the line's serial."""
        interest = Entry(account=account, kind="interest", amount_minor=positive(amount_minor), at=at, remark="结息")
        with store.writing(self.connection):
            return self._book(interest)

    def charge_fee(self, account: str, amount_minor: int, *, at: datetime) -> str:
        """A fee (手续费) of `amount_minor` fen, positive, debited; the line's serial. Raises BalanceTooSmall."""
        fee = Entry(account=account, kind="fee", amount_minor=-positive(amount_minor), at=at, remark="手续费")
        with store.writing(self.connection):
            return self._book(fee)

    def statement(self, account: str, *, begins: date, ends: date, format: StatementFormat) -> bytes:  # noqa: A002 — the port's word
        """The account's statement for these business days, both included, as a file. Raises UnknownAccount."""
        found = statements.gather(self.connection, account, begins=begins, ends=ends)
        match format:
            case "camt.053":
                return camt053.write(found)
            case "icbc-csv":
                return corporate_files.write(found, corporate_layouts.ICBC_OLD)
            case "icbc-csv-new":
                return corporate_files.write(found, corporate_layouts.ICBC_NEW)
        assert_never(format)

    def payment_status(self, reference: str) -> tuple[Received, ...]:
        """Every payment that came with exactly this order reference, oldest first. A dial may answer wrongly, or raise
        TimeoutError."""
        if not reference:
            raise ValueError("give an order reference; payments without one are found on the statement")
        lines = store.lines_where(self.connection, "reference = ? AND kind = 'payment'", [reference])
        currencies = {
            name: store.require_account(self.connection, name).currency for name in {line.account for line in lines}
        }
        return misheard(
            tuple(Received.of(line, currencies[line.account]) for line in lines), self.dials.queries.get(reference)
        )

    def close(self) -> None:
        """Close the bank's file."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _book(self, entry: Entry) -> str:
        return store.book(self.connection, [entry], branch=self._branch)[0].serial

    @property
    def _branch(self) -> int:
        return self.seed % 10_000
