"""Merchant bills: what a payment channel says of each order, kept row by row. Nothing is booked from one alone."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Conflict, Unknown
from escrow.registry import institutions, merchants
from escrow.rules.months import SHANGHAI
from escrow.settlement.bill_tables import merchant_bill as table
from escrow.settlement.bill_tables import merchant_bill_row as row_table
from escrow.settlement.statements import NotSupervised
from ledger.chunks import chunks
from ledger.money import Money
from reconciliation import bills
from reconciliation.bills import Bill

CHANNELS: Final[Mapping[str, str]] = {"微信支付": "wechat", "支付宝": "alipay", "中国银联": "unionpay"}
"""How a channel is called in the books, where its notices and its merchants name it too; others as their bills do."""

_KEY: Final = ("channel", "kind", "serial", "refund_serial")
_SAID: Final = ("account", "merchant", "traded_at", "reference", "amount", "fee")
"""What two bills that tell of one payment or refund must say alike."""


class BillOfAnotherAccount(Conflict):
    """The merchant {number} of {channel} pays into the account {bound}, not into {account}. Import the bill for that
    account, or download the right merchant's."""

    zh = "{channel} 商户号 {number} 绑定的监管账户是 {bound}，不是 {account}；请按该账户导入，或下载正确商户的账单。"


class BillContradicts(Conflict):
    """Row {number} says of {serial} ({what}) {found}; an earlier bill said {expected}. Ask the channel which is right;
    nothing of this file was kept."""

    zh = "第 {number} 行：渠道单号 {serial} 的 {what} 为 {found}，此前账单为 {expected}；请向渠道核实，本文件未导入。"


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantBill:
    """A channel's bill in the books (交易账单). `net` in fen; `begins` and `ends` are the days of its first and last
    trade, None where there was none; `fresh` counts the rows that no earlier bill had brought."""

    id: int
    account: str
    channel: str
    format: str
    begins: date | None
    ends: date | None
    trades: int
    net: int
    sha256: str
    imported_at: datetime
    imported_by: str
    fresh: int = 0


def import_file(db: Connection, data: bytes, *, account: str, by: Caller, now: datetime) -> MerchantBill:
    """Keep a channel's bill for a supervised account, whole or not at all. The same file, or rows of it, never twice.

    Raises StatementRefused (reconciliation), NotSupervised, BillOfAnotherAccount, BillContradicts.
    """
    by.must_be("bureau", "bank")
    read = bills.read(data)
    if institutions.by_account(db, account, lock=True) is None:  # one import of an account at a time
        raise NotSupervised(account=account)
    sha256 = hashlib.sha256(data).hexdigest()
    same = select(table).where(table.c.account == account, table.c.sha256 == sha256)
    known = db.execute(same).one_or_none()
    if known is not None:
        return MerchantBill(**known._asdict())
    channel = CHANNELS.get(read.channel, read.channel)
    _must_pay_into(db, account, channel, sorted(set(read.lines["merchant"]) - {""}))
    made = insert(table).values(
        **_head(read), account=account, channel=channel, sha256=sha256, imported_at=now, imported_by=by.name
    )
    kept = db.execute(made.returning(table)).one()
    fresh = _keep(db, [_row(each, account, channel, kept.id) for each in read.lines.to_dict("records")])
    subject = f"merchant_bill:{kept.id}"
    trail.record(db, by, "merchant_bill.imported", subject, now=now, trades=kept.trades, fresh=fresh)
    return MerchantBill(**kept._asdict(), fresh=fresh)


def get(db: Connection, bill_id: int) -> MerchantBill:
    """One bill. Raises Unknown."""
    row = db.execute(select(table).where(table.c.id == bill_id)).one_or_none()
    if row is None:
        raise Unknown(what="merchant bill", key=bill_id)
    return MerchantBill(**row._asdict())


def _must_pay_into(db: Connection, account: str, channel: str, numbers: Sequence[str]) -> None:
    """A merchant that nobody has bound may be this account's; one that is bound elsewhere is not."""
    for number in numbers:
        bound = merchants.account_of(db, channel, number)
        if bound not in (None, account):
            raise BillOfAnotherAccount(channel=channel, number=number, bound=bound, account=account)


def _head(read: Bill) -> dict[str, Any]:
    days = read.lines["traded_on"]
    return {
        "format": read.format,
        "begins": None if days.empty else date.fromisoformat(days.min()),
        "ends": None if days.empty else date.fromisoformat(days.max()),
        "trades": len(read.lines),
        "net": read.net,
    }


def _row(record: Mapping[Any, Any], account: str, channel: str, bill_id: int) -> dict[str, Any]:
    day = date.fromisoformat(record["traded_on"])
    clock = time.fromisoformat(record["traded_at"]) if record["traded_at"] else time.min
    return {
        "bill_id": bill_id,
        "account": account,
        "channel": channel,
        "number": int(record["number"]),
        "merchant": record["merchant"],
        "traded_on": day,
        "traded_at": datetime.combine(day, clock, SHANGHAI),
        "kind": record["kind"],
        "reference": record["order"],
        "serial": record["transaction"],
        "refund_serial": record["refund"],
        "refund_number": record["refund_number"],
        "amount": int(record["amount"]),
        "fee": int(record["fee"]),
    }


def _keep(db: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write the rows that no bill has told yet; how many. The others must say what was said. Raises BillContradicts.

    Written first and compared then: another import may be writing the same rows for another account.
    """
    insert_ = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    statement = insert_(row_table).on_conflict_do_nothing(index_elements=list(_KEY))
    returned = statement.returning(*(row_table.c[name] for name in _KEY))
    ordered = sorted(rows, key=_key)  # by everyone alike, so that two imports do not wait for each other
    fresh = {tuple(row) for chunk in chunks(ordered) for row in db.execute(returned, chunk)}
    repeated = {_key(each): each for each in ordered if _key(each) not in fresh}
    columns = tuple_(*(row_table.c[name] for name in _KEY))
    for chunk in chunks(list(repeated)):
        for told in db.execute(select(row_table).where(columns.in_(chunk))):
            _must_say_the_same(repeated[tuple(getattr(told, name) for name in _KEY)], told)
    return len(fresh)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY)


def _must_say_the_same(row: Mapping[str, Any], told: Row[Any]) -> None:
    for name in _SAID:
        found, expected = row[name], getattr(told, name)
        if found != expected:
            figures = (found, expected)
            shown = [Money(each).major if name in ("amount", "fee") else str(each) for each in figures]
            raise BillContradicts(
                number=row["number"], serial=row["serial"], what=name, found=shown[0], expected=shown[1]
            )
