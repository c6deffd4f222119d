"""Blocks: the committed transfers, sealed some at a time, each block naming the one before. Append-only.

A block's hash is taken over its header, so over the roots of two Merkle trees: of its own transfers, and of all blocks
before it. So the signed head of the chain stands for every transfer ever sealed.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, Connection, Row, Table, UniqueConstraint, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from ledger.among import among
from ledger.columns import Bytes, Instant, Whole
from ledger.leaves import Place
from ledger.merkle import grown, leaf_hash
from ledger.schema import metadata

_HASH: Final = 32
_ENTRY: Final = 8 + _HASH
_PAGE: Final = 50
NONE_BEFORE: Final = bytes(_HASH)
"""What the first block has in place of the hash of the one before."""

block: Final = Table(
    "ledger_block",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("previous", Bytes, nullable=False, unique=True, comment="hash of the block before; zeros in the first"),
    Column("end_xact", Whole, nullable=False, comment="where its last transfer stands in commit order"),
    Column("end_id", Whole, nullable=False),
    Column("transfers", Whole, nullable=False, comment="how many it seals"),
    Column("total", Whole, nullable=False, comment="how many are sealed with it and all before"),
    Column("root", Bytes, nullable=False, comment="Merkle root (RFC 6962) over its transfers"),
    Column("ancestors", Bytes, nullable=False, comment="Merkle root over the hashes of all blocks before"),
    Column("sealed_at", Instant, nullable=False),
    Column("key", Bytes, nullable=False, comment="Ed25519 public key of who sealed it"),
    Column("hash", Bytes, nullable=False, comment="SHA-256 of the header, which is made of all columns above"),
    Column("signature", Bytes, nullable=False, comment="Ed25519, over the hash"),
    Column("peaks", Bytes, nullable=False, comment="roots of the complete subtrees over all blocks before"),
    Column("leaves", Bytes, nullable=False, comment="of each transfer its id, 8 bytes, and its leaf hash, 32 bytes"),
    UniqueConstraint("end_xact", "end_id"),
    CheckConstraint("number > 0 AND transfers > 0 AND total >= transfers", name="counts"),
    CheckConstraint(
        "length(previous) = 32 AND length(root) = 32 AND length(ancestors) = 32 AND length(key) = 32"
        " AND length(hash) = 32 AND length(signature) = 64 AND length(leaves) = 40 * transfers",
        name="sizes",
    ),
    sqlite_strict=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a block says. `end` is the place of its last transfer, `key` the Ed25519 public key of who sealed it."""

    number: int
    previous: bytes
    end: Place
    transfers: int
    total: int
    root: bytes
    ancestors: bytes
    sealed_at: datetime
    key: bytes

    @property
    def content(self) -> dict[str, Any]:
        """For JSON: hashes and the key in hexadecimal, the end as a cursor of `ledger.reading.transfers`."""
        return {
            "number": self.number,
            "previous": self.previous.hex(),
            "end": f"{self.end[0]}-{self.end[1]}",
            "transfers": self.transfers,
            "total": self.total,
            "root": self.root.hex(),
            "ancestors": self.ancestors.hex(),
            "sealed_at": self.sealed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "key": self.key.hex(),
        }

    @property
    def hash(self) -> bytes:
        """SHA-256 of the header as canonical JSON: keys sorted, no spaces, ASCII."""
        return _digest(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block as it stands, but for its leaves. `signature` is over `hash`, by `header.key`.

    `peaks` are the roots of the complete subtrees over the hashes of all blocks before (ledger.merkle.grown).
    """

    header: Header
    hash: bytes
    signature: bytes
    peaks: tuple[bytes, ...]

    @property
    def grown_peaks(self) -> tuple[bytes, ...]:
        """The peaks with this block's own hash among them: those of the next block."""
        return grown(self.peaks, self.header.number - 1, leaf_hash(self.hash))


_LIGHT: Final = [column for column in block.c if column is not block.c.leaves]


def head(db: Connection) -> Block | None:
    """The last block, or None while nothing is sealed."""
    row = db.execute(select(*_LIGHT).order_by(block.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else _as_block(row)


def by_number(db: Connection, numbers: Collection[int]) -> dict[int, Block]:
    """The blocks of these numbers, by number; unknown ones are missing."""
    rows = db.execute(select(*_LIGHT).where(among(db, block.c.number, sorted(numbers))))
    return {row.number: _as_block(row) for row in rows}


def sealing(db: Connection, place: Place) -> tuple[Block, list[tuple[int, bytes]]] | None:
    """The block whose part of the commit order this place lies in, with its leaves; None when no block goes so far."""
    end = block.c.end_xact, block.c.end_id
    row = db.execute(select(block).where(tuple_(*end) >= place).order_by(*end).limit(1)).one_or_none()
    return None if row is None else (_as_block(row), entries(row.leaves))


def all_blocks(db: Connection) -> Iterator[tuple[Block, bytes]]:
    """Every block, by number, with its column of leaves; a few at a time are in memory."""
    number = 0
    while rows := db.execute(select(block).where(block.c.number > number).order_by(block.c.number).limit(_PAGE)).all():
        yield from ((_as_block(row), row.leaves) for row in rows)
        number = rows[-1].number


def add(db: Connection, new: Block, leaves: bytes) -> bool:
    """Append a block; False when another of its number stands there by now. Waits for one who is just adding it."""
    insertion = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    said = {each.name: getattr(new.header, each.name) for each in fields(Header) if each.name != "end"}
    end_xact, end_id = new.header.end
    values = said | {"end_xact": end_xact, "end_id": end_id, "hash": new.hash, "signature": new.signature}
    adding = insertion(block).values(**values, peaks=b"".join(new.peaks), leaves=leaves).on_conflict_do_nothing()
    return db.scalar(adding.returning(block.c.number)) is not None


def head_content(head: Block) -> dict[str, Any]:
    """For JSON: what is published of a head, its header and the signature over the header's hash."""
    return {"header": head.header.content, "signature": head.signature.hex()}


def published(head: str) -> tuple[int, bytes]:
    """The number and the hash of a head as it was published, `head_content` in JSON. Raises ValueError."""
    try:
        header = json.loads(head)["header"]
        number = header["number"]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError('a head is JSON with a header in it, {"header": {"number": …}, …}') from error
    if type(number) is not int:
        raise ValueError(f"the number of a head's block is a whole number, not {number!r}")
    return number, _digest(header)


def entries(leaves: bytes) -> list[tuple[int, bytes]]:
    """Each transfer's id and leaf hash, out of a column of leaves."""
    return [
        (int.from_bytes(leaves[at : at + 8], signed=True), leaves[at + 8 : at + _ENTRY])
        for at in range(0, len(leaves), _ENTRY)
    ]


def as_leaves(sealed: Iterable[tuple[int, bytes]]) -> bytes:
    """The column of leaves for these ids and leaf hashes."""
    return b"".join([number.to_bytes(8, signed=True) + hash_ for number, hash_ in sealed])


def _as_block(row: Row[Any]) -> Block:
    said = {each.name: getattr(row, each.name) for each in fields(Header) if each.name != "end"}
    return Block(
        header=Header(**said, end=(row.end_xact, row.end_id)),
        hash=row.hash,
        signature=row.signature,
        peaks=tuple(row.peaks[at : at + _HASH] for at in range(0, len(row.peaks), _HASH)),
    )


def _digest(content: dict[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")).digest()
