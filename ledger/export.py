"""The books as text for programs of others: hledger and Beancount journals, and CSV for spreadsheets.

Only what moved money is told, posted and settled transfers; a pending one moves nothing, so these programs reach the
balances of `ledger.balances.trial_balance`. Each function gives lines with their ends, streamed, oldest id first. Read
inside one snapshot: a transfer to an account that was opened meanwhile would stand undeclared.

Dates are those of the business clock, Asia/Shanghai; the exact instants stand beside them, in UTC.
Raises NotAnAmount for a currency whose decimals are unknown (`ledger.money.EXPONENT`).
"""

import re
from collections.abc import Iterator, Mapping
from csv import writer
from datetime import date, datetime
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from ledger.entries import Account, AccountKind, NewAccount, Recorded
from ledger.money import Money
from ledger.reading import all_accounts, all_transfers
from ledger.schema import MOVES, transfer

ZONE: Final = ZoneInfo("Asia/Shanghai")

COLUMNS: Final = (
    *("id", "date", "reference", "kind", "debit", "credit", "amount", "currency", "effective", "recorded"),
    *("resolves", "corrects", "caller_key"),
)
"""The header of the CSV. `amount` is in major units and always positive, out of `credit` into `debit`."""

_HLEDGER_TYPES: Final[Mapping[AccountKind, str]] = {"asset": "A", "liability": "L", "income": "R", "expense": "X"}
_ROOTS: Final[Mapping[AccountKind, str]] = {
    "asset": "assets",
    "liability": "liabilities",
    "income": "income",
    "expense": "expenses",
}
_NO_TRANSFER_YET: Final = date(1970, 1, 1)
_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)
_LIVE: Final = re.compile(r"\s*[=+\-@＝＋－＠']|[\t\r\n]")


def hledger(db: Connection) -> Iterator[str]:
    """A journal that `hledger check --strict` accepts. ASCII only, so that no locale can spoil it.

    `bank/6200` of kind asset is `assets:bank:6200`; characters that hledger gives a meaning are percent-encoded.
    """
    accounts = {each.path: each for each in all_accounts(db)}
    for currency in sorted({each.currency for each in accounts.values()}):
        yield f"commodity {Money(100_000, currency)}\n"
    for account in accounts.values():
        yield f"account {hledger_name(account)}  ; type: {_HLEDGER_TYPES[account.kind]}\n"
    for each in _moves(db):
        debit, credit = accounts[each.debit], accounts[each.credit]
        tags = ", ".join(f"{name}: {_encoded(value)}" for name, value in _details(each).items())
        yield f"\n{_day(each.effective)} ({_encoded(each.reference)}) {_encoded(each.kind)}  ; {tags}\n"
        yield f"    {hledger_name(debit)}  {Money(each.amount, debit.currency)}\n"
        yield f"    {hledger_name(credit)}  {Money(-each.amount, credit.currency)}\n"


def beancount(db: Connection) -> Iterator[str]:
    """A ledger for Beancount (`bean-check`). The reference and the instants are metadata of each transaction.

    `bank/6200` of kind asset is `Assets:Bank:6200`. No two paths share a name: see `_beancount_component`.
    """
    accounts = {each.path: each for each in all_accounts(db)}
    begin = _first_day(db)
    for currency in sorted({each.currency for each in accounts.values()}):
        yield f'option "operating_currency" "{currency}"\n{begin} commodity {currency}\n'
    for account in accounts.values():
        yield f"{begin} open {beancount_name(account)} {account.currency}\n"
    for each in _moves(db):
        debit, credit = accounts[each.debit], accounts[each.credit]
        yield f"\n{_day(each.effective)} * {_quoted(each.kind)}\n"
        for name, value in {"reference": each.reference, **_details(each)}.items():
            yield f"  {name}: {_quoted(value)}\n"
        yield f"  {beancount_name(debit)}  {Money(each.amount, debit.currency)}\n"
        yield f"  {beancount_name(credit)}  {Money(-each.amount, credit.currency)}\n"


def csv(db: Connection) -> Iterator[str]:
    """RFC 4180, with a header (COLUMNS). A cell that a spreadsheet would run as a formula begins with an apostrophe."""
    # The writer of `csv` gives back what its file's `write` gives back: the record itself.
    record = writer(_Echo()).writerow
    yield record(COLUMNS)
    currencies = {each.path: each.currency for each in all_accounts(db)}
    for each in _moves(db):
        money = Money(each.amount, currencies[each.debit])
        facts = {
            "id": str(each.id),
            "date": str(_day(each.effective)),
            "reference": each.reference,
            "kind": each.kind,
            "debit": each.debit,
            "credit": each.credit,
            "amount": money.major,
            "currency": money.currency,
            **_details(each),
        }
        yield record([_inert(facts.get(column, "")) for column in COLUMNS])


class _Echo:
    def write(self, text: str, /) -> str:
        return text


def _moves(db: Connection) -> Iterator[Recorded]:
    return (each for each in all_transfers(db) if each.phase in MOVES)


def _day(instant: datetime) -> date:
    return instant.astimezone(ZONE).date()


def _first_day(db: Connection) -> date:
    """Accounts keep no date of opening: Beancount hears that all were open on the first day of the books."""
    first: datetime | None = db.scalar(select(func.min(transfer.c.effective)))
    return _NO_TRANSFER_YET if first is None else _day(first)


def _details(each: Recorded) -> dict[str, str]:
    """What else is known of a transfer, by the names of COLUMNS; what there is not is left out."""
    links = {"resolves": each.resolves, "corrects": each.corrects, "caller_key": each.caller_key}
    return {
        "effective": each.effective.isoformat(),
        "recorded": each.recorded.isoformat(),
        **{name: value for name, value in links.items() if value},
    }


def hledger_name(account: Account | NewAccount) -> str:
    # quote() leaves letters, digits and _.-~ alone. An empty part is no name for hledger, and a lone % is no other's.
    parts = (quote(part, safe="") or "%" for part in account.path.split("/"))
    return ":".join((_ROOTS[account.kind], *parts))


def _encoded(text: str) -> str:
    """Text without what ends an hledger field: brackets, commas, semicolons, bars, line ends; `unquote` undoes it."""
    return quote(text, safe="/:+@ ").replace("  ", " %20")


def beancount_name(account: Account | NewAccount) -> str:
    return ":".join((_ROOTS[account.kind].capitalize(), *map(_beancount_component, account.path.split("/"))))


def _beancount_component(part: str) -> str:
    """A component of an account's name, which Beancount begins with a capital or a digit, then letters, digits, "-".

    Small letters, digits and "-" only get their capital: prepaid, Prepaid. Any other part becomes X and itself, each
    odd character as U<code point>-: a_b, XaU5F-b. A capital inside marks those, so no two parts share a name.
    """
    if _PLAIN.fullmatch(part):
        return part[0].upper() + part[1:]
    odd = "".join(c if _PLAIN.fullmatch(c) else f"U{ord(c):X}-" for c in part)
    return f"X{odd or 'U-'}"


def _quoted(text: str) -> str:
    """A string of Beancount: it stays on its line, and quotes and backslashes are escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _inert(cell: str) -> str:
    """The cell as text that neither Excel nor WPS runs (OWASP, CSV Injection); an apostrophe in front marks it."""
    return f"'{cell}" if _LIVE.match(cell) else cell
