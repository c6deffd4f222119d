"""Who is told of alerts: programs by signed webhook, people by e-mail, each from a least severity on."""

import base64
import binascii
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import Connection, Row, insert, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.monitoring.tables import alert_subscriber as table
from escrow.refusals import Conflict, Invalid, Unknown
from escrow.rules.rulebook import Severity
from qrpay.webhooks import SigningKey

Channel = Literal["webhook", "email"]

SECRET_MARK: Final = "whsec_"  # noqa: S105  how secrets of this kind begin (Standard Webhooks 1.0.0), and none of them
_SECRET_BYTES: Final = range(24, 65)
_LONGEST_ADDRESS: Final = 2_000
_MAILBOX: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
"""The e-mail addresses that HTML takes for valid: no comments, no quotes, and no way to add a header."""


class BadAddress(Invalid):
    """Nobody can be told at {address}: {why}."""

    zh = "无法向 {address} 推送：{why_zh}。"


class BadSecret(Invalid):
    """A webhook's secret is written "whsec_" and 24 to 64 random bytes in base64; another was given."""

    zh = "推送密钥的格式为 whsec_ 加 24 至 64 字节随机数的 base64 编码。"


class SubscribedAlready(Conflict):
    """{address} is told already, as subscriber {subscriber}; end that one first to change what it is told."""

    zh = "{address} 已订阅（编号 {subscriber}）；如需变更，请先终止原订阅。"


class SubscriptionEnded(Conflict):
    """The subscription {subscriber} has ended already."""

    zh = "订阅 {subscriber} 已终止。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Somebody who is told of every step of every alert that is at least so severe (订阅人)."""

    id: int
    channel: Channel
    address: str
    secret: str | None = field(repr=False)
    least: Severity
    added_by: str
    added_at: datetime
    ended_at: datetime | None

    @property
    def key(self) -> SigningKey:
        """What webhooks to it are signed with."""
        if self.secret is None:
            raise TypeError(f"subscriber {self.id} gets e-mail, which is not signed")
        return SigningKey(key_id=str(self.id), algorithm="v1", material=base64.b64decode(self.secret))


def subscribe(
    db: Connection,
    *,
    channel: Channel,
    address: str,
    secret: str | None = None,
    least: Severity = "notice",
    by: Caller,
    now: datetime,
) -> Subscriber:
    """Tell this address from now on. `secret` (whsec_…) is for a webhook; see `fresh_secret`.

    Raises BadAddress, BadSecret, SubscribedAlready.
    """
    by.must_be("bureau")
    if channel == "webhook":
        _must_be_a_safe_url(address)
    elif _MAILBOX.fullmatch(address) is None:
        raise BadAddress(address=address, why="it is no e-mail address", why_zh="不是有效的电子邮件地址")
    material = _material(secret) if channel == "webhook" else None
    known = select(table.c.id).where(table.c.address == address, table.c.ended_at.is_(None))
    if (subscriber := db.execute(known).scalar()) is not None:
        raise SubscribedAlready(address=address, subscriber=subscriber)
    made = insert(table).values(
        channel=channel, address=address, secret=material, least=least, added_by=by.name, added_at=now
    )
    added = _as_subscriber(db.execute(made.returning(table)).one())
    trail.record(db, by, "alert.subscribed", f"subscriber:{added.id}", now=now, address=address, least=least)
    return added


def end(db: Connection, subscriber_id: int, *, by: Caller, now: datetime) -> Subscriber:
    """Tell it nothing more, also nothing of what still waits. Raises Unknown, SubscriptionEnded."""
    by.must_be("bureau")
    row = db.execute(select(table).where(table.c.id == subscriber_id).with_for_update()).one_or_none()
    if row is None:
        raise Unknown(what="subscriber", key=subscriber_id)
    if row.ended_at is not None:
        raise SubscriptionEnded(subscriber=subscriber_id)
    ended = update(table).where(table.c.id == subscriber_id).values(ended_at=now).returning(table)
    trail.record(db, by, "alert.unsubscribed", f"subscriber:{subscriber_id}", now=now, address=row.address)
    return _as_subscriber(db.execute(ended).one())


def everyone(db: Connection) -> list[Subscriber]:
    """All who are told now, in the order in which they were added."""
    query = select(table).where(table.c.ended_at.is_(None)).order_by(table.c.id)
    return [_as_subscriber(row) for row in db.execute(query)]


def by_id(db: Connection, ids: Sequence[int]) -> dict[int, Subscriber]:
    """These subscribers."""
    return {row.id: _as_subscriber(row) for row in db.execute(select(table).where(table.c.id.in_(ids)))}


def fresh_secret() -> str:
    """A new secret for a webhook, to be given to its receiver."""
    return SECRET_MARK + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def _material(secret: str | None) -> str:
    encoded = (secret or "").removeprefix(SECRET_MARK)
    try:
        material = base64.b64decode(encoded, validate=True)
        SigningKey(key_id="new", algorithm="v1", material=material)
    except (binascii.Error, ValueError):
        raise BadSecret from None
    if len(material) not in _SECRET_BYTES or not (secret or "").startswith(SECRET_MARK):
        raise BadSecret
    return encoded


def _must_be_a_safe_url(address: str) -> None:
    """https, or http to this machine; nothing in it that a log or a proxy would read otherwise than we do."""
    why = why_zh = ""
    url = _parts(address)
    if url is None or not url.hostname or url.scheme not in {"https", "http"}:
        why, why_zh = "it is no URL of the form https://host/path", "应为 https://主机/路径 形式的网址"
    elif url.scheme == "http" and not is_loopback(url.hostname):
        why, why_zh = "only https is spoken to another machine", "除本机外只允许 https"
    elif url.username is not None or url.password is not None or url.fragment:
        why, why_zh = "a URL with a password or a fragment in it is not taken", "网址中不得含用户名、口令或片段"
    if why:
        raise BadAddress(address=address, why=why, why_zh=why_zh)


def _parts(address: str) -> SplitResult | None:
    if len(address) > _LONGEST_ADDRESS or not re.fullmatch("[!-~]+", address) or "\\" in address:
        return None
    try:
        url = urlsplit(address)
        _ = url.port  # raises when it is none
    except ValueError:
        return None
    return url


def is_loopback(host: str) -> bool:
    """Whether this host is the machine itself, to which nothing goes over a wire."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _as_subscriber(row: Row[Any]) -> Subscriber:
    return Subscriber(**row._asdict())
