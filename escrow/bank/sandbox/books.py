"""The bank's own books: accounts, and lines appended in the order of the bank's clock, decided without a database."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Asia/Shanghai")
"""The bank's business zone; a booking date is a date here."""

Kind: TypeAlias = Literal["payment", "payout", "bounce", "interest", "fee"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNPRINTABLE: Final = re.compile("[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


class UnknownAccount(LookupError):
    """The account is not kept at this bank."""


class AccountTaken(ValueError):
    """The account number is already another holder's, or in another currency."""


class BalanceTooSmall(ValueError):
    """A supervised account is never overdrawn."""


class BankClockRanBack(ValueError):
    """The account already has later lines; a bank books nothing before them, or closed statements would change."""


class NotAPayment(ValueError):
    """An amount that no bank would book: not a whole number of fen above zero."""


class NoSuchPayout(LookupError):
    """No executed payout with this end-to-end id is left to be returned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A supervised account as the bank sees it now. `booked_to` is the time of its last line, in epoch seconds."""

    account: str
    holder: str
    currency: str
    balance_minor: int
    booked_to: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is to be booked. `amount_minor` is signed: above zero the account is credited."""

    account: str
    kind: Kind
    amount_minor: int
    at: datetime
    party: str = ""
    party_account: str = ""
    remark: str = ""
    reference: str = ""
    end_to_end: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A booked line: an entry with the bank's serial (流水号) and the balance after it, in business time."""

    seq: int
    serial: str
    account: str
    booked_at: datetime
    kind: Kind
    amount_minor: int
    balance_minor: int
    party: str
    party_account: str
    remark: str
    reference: str
    end_to_end: str


def append(accounts: Mapping[str, Account], entries: Iterable[Entry], *, after: int, branch: int) -> list[Line]:
    """The lines that the entries become, numbered from `after` + 1, with running balances.

    Raises BalanceTooSmall or BankClockRanBack at the first entry that cannot be booked.
    """
    position = {name: (account.balance_minor, account.booked_to) for name, account in accounts.items()}
    lines = []
    for seq, entry in enumerate(entries, start=after + 1):
        before, booked_to = position[entry.account]
        moment, balance = seconds(entry.at), before + entry.amount_minor
        if moment < booked_to:
            raise BankClockRanBack(
                f"{entry.account} has lines up to {clock(booked_to)}; nothing is booked at {clock(moment)} any more"
            )
        if balance < 0:
            raise BalanceTooSmall(f"{entry.account} holds {before} fen; {-entry.amount_minor} fen cannot leave it")
        position[entry.account] = balance, moment
        lines.append(_line(entry, seq=seq, booked_at=clock(moment), balance=balance, branch=branch))
    return lines


def positive(amount_minor: int) -> int:
    """The amount in fen, or NotAPayment when it is not a whole number above zero."""
    if type(amount_minor) is not int or amount_minor <= 0:
        raise NotAPayment(f"{amount_minor!r} is not a whole number of fen above zero")
    return amount_minor


def major(amount_minor: int) -> str:
    """Fen without their sign as yuan with two decimals: -123456 → "1234.56"."""
    whole, fen = divmod(abs(amount_minor), 100)
    return f"{whole}.{fen:02d}"


def typed(text: str, limit: int) -> str:
    """The text as the bank's terminal keeps it: what cannot be printed becomes a space, the rest is cut at `limit`."""
    return _UNPRINTABLE.sub(" ", text).strip()[:limit].rstrip()


def seconds(at: datetime) -> int:
    """Epoch seconds of an aware time; the bank's clock knows nothing finer. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no zone; give an aware time, for example in Asia/Shanghai")
    return (at - _EPOCH) // timedelta(seconds=1)


def clock(moment: int) -> datetime:
    """Epoch seconds as business time."""
    return datetime.fromtimestamp(moment, ZONE)


def midnight(day: date) -> int:
    """The first second of a business day."""
    return seconds(datetime.combine(day, time(), ZONE))


def _line(entry: Entry, *, seq: int, booked_at: datetime, balance: int, branch: int) -> Line:
    return Line(
        seq=seq,
        serial=f"{booked_at:%Y%m%d}{branch:04d}{seq:09d}",
        account=entry.account,
        booked_at=booked_at,
        kind=entry.kind,
        amount_minor=entry.amount_minor,
        balance_minor=balance,
        party=typed(entry.party, 140),
        party_account=typed(entry.party_account, 34),
        remark=typed(entry.remark, 140),
        reference=typed(entry.reference, 35),
        end_to_end=entry.end_to_end,
    )
