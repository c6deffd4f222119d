"""Keys: the API keys of callers, the keys under which banks and wallets sign, and our own secrets."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access.caller import Caller, Role
from escrow.access.tables import api_key, bank_key, secret
from ledger.sealing import Signer
from qrpay.keys import Key, KeyRing, Secret

Channel = Literal["bank", "wechat", "alipay"]
"""Whose word it is: the supervising bank's own, or a wallet's."""

AES: Final = "aes-256-gcm"
"""Not a way to sign: what WeChat Pay's encrypted words are opened with."""

_SEAL: Final = "ledger-seal"
_MARK: Final = "te_"
_ENTROPY: Final = 32  # bytes: too much to guess, so a plain hash of it is enough


def issue(db: Connection, *, name: str, role: Role, party: int | None, now: datetime, person: str | None = None) -> str:
    """Make a key for a caller. It is shown this once; only its hash is kept. `person`: the mark of whoever will act
    with it (four_eyes.person_of)."""
    key = _MARK + secrets.token_urlsafe(_ENTROPY)
    kept = {"digest": _digest(key), "name": name, "role": role, "party": party, "created_at": now, "person": person}
    db.execute(insert(api_key).values(kept))
    return key


def revoke(db: Connection, name: str, *, now: datetime) -> int:
    """Revoke all keys of a caller; gives how many there were."""
    live = update(api_key).where(api_key.c.name == name, api_key.c.revoked_at.is_(None))
    return db.execute(live.values(revoked_at=now)).rowcount


def caller_of(db: Connection, key: str) -> Caller | None:
    """Whose key this is, or None when it is nobody's or revoked."""
    row = db.execute(
        select(api_key).where(api_key.c.digest == _digest(key), api_key.c.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else Caller(name=row.name, role=row.role, party=row.party)


def trust_bank(db: Connection, key: Key | Secret, *, channel: Channel = "bank") -> None:
    """Add a key of a bank or a wallet to its ring. Keys may overlap in time, so that a bank can change its key."""
    db.execute(
        insert(bank_key).values(
            key_id=key.key_id,
            channel=channel,
            algorithm=algorithm_of(key),
            material=base64.b64encode(key.material).decode("ascii"),
            not_before=key.not_before,
            not_after=key.not_after,
        )
    )


def bank_keys(db: Connection, channel: Channel = "bank") -> KeyRing:
    """The keys for the words of one channel; each says itself when it counts. A key of one opens nothing of another."""
    keys: list[Key] = []
    secrets_: list[Secret] = []
    for row in db.execute(select(bank_key).where(bank_key.c.channel == channel).order_by(bank_key.c.id)):
        material, span = base64.b64decode(row.material), {"not_before": row.not_before, "not_after": row.not_after}
        if row.algorithm == AES:
            secrets_.append(Secret(key_id=row.key_id, material=material, **span))
        else:
            keys.append(Key(key_id=row.key_id, algorithm=row.algorithm, material=material, **span))
    return KeyRing(keys, secrets_)


def algorithm_of(key: Key | Secret) -> str:
    """What a key of the ring is for."""
    return key.algorithm if isinstance(key, Key) else AES


def sealer(db: Connection) -> Signer:
    """Who seals these books (ledger.sealing): an Ed25519 key of this database, made when it is first asked for."""
    return Signer(seed=own_secret(db, _SEAL))


def seal_keys(db: Connection) -> set[bytes]:
    """The public keys that these books may be sealed with; none while nobody has asked for one. Writes nothing."""
    seeds = db.scalars(select(secret.c.value).where(secret.c.name == _SEAL))
    return {Signer(seed=base64.b64decode(each)).public_key for each in seeds}


def own_secret(db: Connection, name: str) -> bytes:
    """A random secret of this database, the same for ever; made when it is asked for the first time."""
    fresh = base64.b64encode(secrets.token_bytes(_ENTROPY)).decode("ascii")
    insert_ = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    db.execute(insert_(secret).values(name=name, value=fresh).on_conflict_do_nothing(index_elements=["name"]))
    return base64.b64decode(db.execute(select(secret.c.value).where(secret.c.name == name)).scalar_one())


def mark(db: Connection, of: str, number: str) -> str:
    """What a number is known again by: HMAC-SHA256 under a secret of this database, in hexadecimal.

    `of` names whose numbers they are, each kind under a secret of its own; blanks and case do not count. Without the
    secret no number can be tried against it, and a mark of one database is nothing in another.
    """
    written = "".join(number.split()).upper()
    return hmac.new(own_secret(db, of), written.encode("utf-8"), hashlib.sha256).hexdigest()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8")).hexdigest()
