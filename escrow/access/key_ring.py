"""The key ring: under which keys the word of the bank and of the wallets is believed, from when and until when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, delete, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.access.keys import AES, Channel, algorithm_of, trust_bank
from escrow.access.tables import bank_key
from escrow.refusals import Conflict, Invalid, Unknown
from qrpay.keys import Key, Secret
from qrpay.schemes import SCHEMES

WANTED: Final[dict[Channel, tuple[str, ...]]] = {
    "bank": ("v1", "v1a", "rsa-sha256", "sm2-sm3"),
    "wechat": ("rsa-sha256", AES),
    "alipay": ("rsa-sha256",),
}
"""The algorithms that a channel's words are signed or encrypted with."""


class KeyAlreadyTrusted(Conflict):
    """The key {key_id} is on the ring already. Another key needs an id of its own; what is said under an old id stays
    what it was."""

    zh = "密钥 {key_id} 已在密钥环中；新密钥须使用新的标识。"


class NotThisChannelsKey(Invalid):
    """The words of {channel} are signed or encrypted with {wanted}, not with {algorithm}."""

    zh = "渠道 {channel} 使用的算法为 {wanted}，不是 {algorithm}。"


class KeyEndsInThePast(Invalid):
    """A key ends now or later, not at {at}: what was believed under it until now was believed rightly then. If it was
    stolen, end it now and look through what came under it."""

    zh = "密钥的停用时间不能早于现在（{at}）；如密钥泄露，请立即停用并复核已收到的通知。"


class KeyEndedAlready(Conflict):
    """The key {key_id} ends at {not_after} already; that cannot be put off. Trust a new key under another id."""

    zh = "密钥 {key_id} 已定于 {not_after} 停用，不能延后；请以新的标识添加新密钥。"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOnTheRing:
    """A key as the list shows it: everything but its bytes."""

    key_id: str
    channel: Channel
    algorithm: str
    not_before: datetime
    not_after: datetime | None

    def standing(self, now: datetime) -> Literal["not yet", "in force", "ended"]:
        if now < self.not_before:
            return "not yet"
        return "in force" if self.not_after is None or now < self.not_after else "ended"


def trust(db: Connection, key: Key | Secret, *, channel: Channel, by: Caller, now: datetime) -> None:
    """Put a key on the ring. Keys may overlap in time, so that a bank can change its key without a gap.

    Raises Forbidden, KeyAlreadyTrusted, NotThisChannelsKey, and SchemeNotInstalled where it could not be used here.
    """
    by.must_be("bureau")
    algorithm = algorithm_of(key)
    if algorithm not in WANTED[channel]:
        raise NotThisChannelsKey(channel=channel, wanted=", ".join(WANTED[channel]), algorithm=algorithm)
    if isinstance(key, Key):
        SCHEMES[algorithm].must_be_installed()
    if db.execute(select(bank_key.c.id).where(bank_key.c.key_id == key.key_id)).first() is not None:
        raise KeyAlreadyTrusted(key_id=key.key_id)
    trust_bank(db, key, channel=channel)
    facts = {"channel": channel, "algorithm": algorithm, "not_before": key.not_before.isoformat()}
    trail.record(db, by, "bank-key.trusted", f"bank-key:{key.key_id}", now=now, **facts)


def end(db: Connection, key_id: str, *, at: datetime, by: Caller, now: datetime) -> None:
    """Believe a key no longer from `at` on. One that is not in force by then is taken off the ring.

    Raises Forbidden, Unknown, KeyEndsInThePast, KeyEndedAlready.
    """
    by.must_be("bureau")
    k = bank_key.c
    row = db.execute(select(k.not_before, k.not_after).where(k.key_id == key_id).with_for_update()).one_or_none()
    if row is None:
        raise Unknown(what="bank key", key=key_id)
    if at < now:
        raise KeyEndsInThePast(at=at.isoformat())
    if row.not_after is not None and row.not_after <= at:
        raise KeyEndedAlready(key_id=key_id, not_after=row.not_after.isoformat())
    if at <= row.not_before:
        db.execute(delete(bank_key).where(k.key_id == key_id))
    else:
        db.execute(update(bank_key).where(k.key_id == key_id).values(not_after=at))
    trail.record(db, by, "bank-key.ended", f"bank-key:{key_id}", now=now, at=at.isoformat())


def everyone(db: Connection) -> list[KeyOnTheRing]:
    """All keys, in the order in which they came; their bytes are not told."""
    k = bank_key.c
    query = select(k.key_id, k.channel, k.algorithm, k.not_before, k.not_after).order_by(k.id)
    return [KeyOnTheRing(**row._asdict()) for row in db.execute(query)]
