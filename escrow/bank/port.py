"""What the service needs of a supervising bank (监管银行): pay as instructed, tell what it booked, answer a question.

The nouns are protocols, not classes: a bank shares no code with the service, so whatever its adapter returns has only
to carry these fields. Amounts are integer fen, times are aware.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, Protocol, TypeAlias

StatementFormat: TypeAlias = Literal["camt.053", "icbc-csv", "icbc-csv-new"]
"""camt.053.001.08; ICBC's corporate CSV with serial and running balance; ICBC's newer CSV, which has neither."""

LineStatus: TypeAlias = Literal["executed", "rejected"]
FileStatus: TypeAlias = Literal["accepted", "partly", "rejected"]


class BankSilent(Exception):
    """The bank gave no answer in time, or none that can be read: nothing is known."""


class LineOutcome(Protocol):
    """What became of one transfer of a payout file."""

    @property
    def end_to_end(self) -> str:
        """The end-to-end id (EndToEndId) that the file gave the transfer; it comes back on the statement."""

    @property
    def amount_minor(self) -> int:
        """Fen instructed."""

    @property
    def status(self) -> LineStatus:
        """Executed, or rejected without any effect: a rejected id may be sent again in another file."""

    @property
    def serial(self) -> str:
        """The bank's serial (流水号) of the booking; empty when rejected."""

    @property
    def code(self) -> str:
        """ISO 20022 status reason code (AM04: insufficient funds …); empty when executed."""

    @property
    def reason(self) -> str:
        """One sentence for people; empty when executed."""


class Receipt(Protocol):
    """The bank's answer to a payout file (回执): the file as a whole, then line by line."""

    @property
    def message_id(self) -> str:
        """The file's MsgId; empty when the file could not be read."""

    @property
    def received_at(self) -> datetime:
        """When the bank first took the file."""

    @property
    def status(self) -> FileStatus:
        """`rejected` with no lines: the file was refused as a whole and nothing in it was looked at."""

    @property
    def code(self) -> str:
        """ISO 20022 status reason code of a refused file; else empty."""

    @property
    def reason(self) -> str:
        """Why the file was refused as a whole; else empty."""

    @property
    def lines(self) -> Sequence[LineOutcome]:
        """One outcome per transfer, in the file's order."""


class ReceivedPayment(Protocol):
    """A payment as the bank booked it (来账)."""

    @property
    def serial(self) -> str:
        """The bank's serial, unique at this bank."""

    @property
    def account(self) -> str:
        """The supervised account that was credited."""

    @property
    def amount_minor(self) -> int:
        """Fen, positive."""

    @property
    def currency(self) -> str:
        """ISO 4217."""

    @property
    def reference(self) -> str:
        """The order reference that came with the payment; empty when none did."""

    @property
    def remark(self) -> str:
        """What the payer typed (附言), as the bank kept it."""

    @property
    def payer(self) -> str:
        """The paying account's name."""

    @property
    def payer_account(self) -> str:
        """The paying account, sometimes masked."""

    @property
    def paid_at(self) -> datetime:
        """When the bank booked it."""


class SupervisingBank(Protocol):
    """A bank that holds supervised accounts and moves their money on our instructions only."""

    def deliver(self, file: bytes, *, at: datetime) -> Receipt:
        """Hand over a pain.001.001.09 file of payouts. The same file delivered twice is executed once, and answered
        with the first receipt. A refusal is a receipt too; what raises is a bank that cannot be reached."""

    def statement(self, account: str, *, begins: date, ends: date, format: StatementFormat) -> bytes:  # noqa: A002 — the bank's own word for it, keyword-only
        """The account's statement (对账单) from `begins` to `ends`, both included, as the bank's file."""

    def payment_status(self, reference: str) -> Sequence[ReceivedPayment]:
        """Every payment that carries exactly this order reference, oldest first; empty when none has come.
        The fallback for a notification that never arrived."""
