"""Merchants (商户号): under which number a wallet takes money for which supervised account."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Conflict, Unknown
from escrow.registry import institutions
from escrow.registry.tables import merchant

PaymentChannel = Literal["wechat", "alipay", "unionpay"]


class MerchantBoundAlready(Conflict):
    """The merchant {number} of {channel} pays into {account} already. Its payments are booked there; a change of
    account needs a new merchant number."""

    zh = "{channel} 商户号 {number} 已绑定监管账户 {account}；更换账户须使用新的商户号。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A wallet's merchant, and the supervised account that its money goes to."""

    channel: PaymentChannel
    number: str
    supervised_account: str


def bind(db: Connection, wanted: Merchant, *, by: Caller, now: datetime) -> Merchant:
    """Say which supervised account a wallet's merchant pays into. The bureau's act, once for each merchant.

    Raises Forbidden, Unknown (no institution has the account), MerchantBoundAlready.
    """
    by.must_be("bureau")
    if institutions.by_account(db, wanted.supervised_account) is None:
        raise Unknown(what="supervised account", key=wanted.supervised_account)
    bound = account_of(db, wanted.channel, wanted.number)
    if bound is not None:
        raise MerchantBoundAlready(channel=wanted.channel, number=wanted.number, account=bound)
    m = {"channel": wanted.channel, "number": wanted.number, "supervised_account": wanted.supervised_account}
    db.execute(insert(merchant).values(**m, bound_at=now))
    subject = f"merchant:{wanted.channel}/{wanted.number}"
    trail.record(db, by, "merchant.bound", subject, now=now, account=wanted.supervised_account)
    return wanted


def account_of(db: Connection, channel: str, number: str) -> str | None:
    """The supervised account that a merchant's money goes to; None when nobody has said it."""
    m = merchant.c
    query = select(m.supervised_account).where(m.channel == channel, m.number == number)
    return db.execute(query).scalar_one_or_none()


def of_account(db: Connection, supervised_account: str) -> dict[str, set[str]]:
    """The merchants' numbers that pay into an account, by channel."""
    m = merchant.c
    found: dict[str, set[str]] = {}
    for row in db.execute(select(m.channel, m.number).where(m.supervised_account == supervised_account)):
        found.setdefault(row.channel, set()).add(row.number)
    return found


def everyone(db: Connection) -> list[Merchant]:
    """All merchants, in the order in which they were bound."""
    m = merchant.c
    query = select(m.channel, m.number, m.supervised_account).order_by(m.id)
    return [Merchant(**row._asdict()) for row in db.execute(query)]
