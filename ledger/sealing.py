"""Sealing: what is committed and not sealed yet goes into a block, behind the posting, which knows nothing of it."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from ledger import blocks, merkle
from ledger.blocks import Block, Header
from ledger.entries import LedgerRefusal
from ledger.leaves import BEFORE_ALL, PAGE, Place, leaves
from ledger.movements import RUNNING

AT_ONCE: Final = PAGE
"""The most transfers in one block. A proof of one of them reads the leaves of all."""

_LAST_ID: Final = 2**63 - 1
_SEGMENT: Final = 2**20
"""PostgreSQL keeps so many transactions' outcomes in one file; its counter may be set to where one begins."""


class CounterBehind(LedgerRefusal):
    """The cluster counts its transactions from lower on than the books' last sealed one: it is not the one that wrote
    them, they were copied here. What is written now would stand behind the seal and never be sealed."""

    def __init__(self, sealed: int, running: int) -> None:
        epoch, number = divmod((sealed // _SEGMENT + 1) * _SEGMENT, 2**32)
        super().__init__(
            f"the last sealed transfer was written by transaction {sealed}, and this PostgreSQL cluster has only come"
            f" to {running}: these books were copied from another. Nothing can be sealed, and nothing should be written"
            " before its counter is advanced: stop the service and the cluster, run"
            f" pg_resetwal --epoch={epoch} --next-transaction-id={number} on its data directory, and start them again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who seals. `seed` is an Ed25519 private key, 32 bytes."""

    seed: bytes = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """Its public half, 32 bytes: what a head is published with."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    def sign(self, content: bytes) -> bytes:
        """The signature over this content, 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(content)


def seal(db: Connection, *, signer: Signer, now: datetime, at_once: int = AT_ONCE) -> Block | None:
    """Seal the next committed transfers, at most `at_once`; None when there are none, or another sealed them meanwhile.

    In a READ COMMITTED transaction of its own, again and again until None. On PostgreSQL what a running transaction
    might yet write before is left for later, and so is what comes after that. Raises CounterBehind.
    """
    last = blocks.head(db)
    end = BEFORE_ALL if last is None else last.header.end
    sealed = list(islice(leaves(db, after=end, until=_committed(db, end), page=at_once), at_once))
    if not sealed:
        return None
    hashes = [each.hash for each in sealed]
    new = _next(last, sealed[-1].place, hashes, signer=signer, now=now)
    numbers = (each.id for each in sealed)
    return new if blocks.add(db, new, blocks.as_leaves(zip(numbers, hashes, strict=True))) else None


def _committed(db: Connection, sealed: Place) -> Place:
    """Up to where nobody can write any more."""
    running: int = db.execute(text(f"SELECT {RUNNING[db.dialect.name]}")).scalar_one()
    if running <= sealed[0]:
        raise CounterBehind(sealed[0], running)
    return running - 1, _LAST_ID


def _next(last: Block | None, end: Place, hashes: list[bytes], *, signer: Signer, now: datetime) -> Block:
    peaks = () if last is None else last.grown_peaks
    header = Header(
        number=1 if last is None else last.header.number + 1,
        previous=blocks.NONE_BEFORE if last is None else last.hash,
        end=end,
        transfers=len(hashes),
        total=len(hashes) + (0 if last is None else last.header.total),
        root=merkle.root(hashes),
        ancestors=merkle.root_of(peaks),
        sealed_at=now,
        key=signer.public_key,
    )
    return Block(header=header, hash=header.hash, signature=signer.sign(header.hash), peaks=peaks)
