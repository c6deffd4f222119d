"""Inclusion proofs: that one transfer stands in the books whose head was published, checked without the books.

`docs/verify_receipt.py` checks one, and needs nothing of ours.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from ledger import blocks, merkle
from ledger.blocks import Block, Header
from ledger.entries import LedgerRefusal
from ledger.leaves import leaves
from ledger.schema import transfer


class SealBroken(LedgerRefusal):
    """The books are not what was sealed, so nothing can be proven of a transfer; the audit names what was touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A transfer, the way from it up to its block's root, and from that block up to the head's root of ancestors.

    `index` is its position among the block's transfers, from 0. When its block is the head, `ancestors` is empty.
    """

    transfer: str
    index: int
    path: list[bytes]
    block: Header
    ancestors: list[bytes]
    head: Block

    @property
    def content(self) -> dict[str, Any]:
        """For JSON. Hashes are hexadecimal; whatever is hashed, is hashed with its keys sorted and without spaces."""
        return {
            "transfer": json.loads(self.transfer),
            "index": self.index,
            "path": [each.hex() for each in self.path],
            "block": self.block.content,
            "ancestors": [each.hex() for each in self.ancestors],
            "head": blocks.head_content(self.head),
        }


def proof(db: Connection, reference: str, *, head: int | None = None) -> Proof | None:
    """The proof of a transfer against the newest block, or against block `head`, as it was published once.

    None while the transfer is not sealed, or was not by then. Raises SealBroken, KeyError for an unknown reference.
    """
    t = transfer.c
    row = db.execute(select(t.xact, t.id).where(t.reference == reference)).one_or_none()
    if row is None:
        raise KeyError(reference)
    top = blocks.head(db) if head is None else blocks.by_number(db, [head]).get(head)
    found = blocks.sealing(db, (row.xact, row.id))
    if top is None or found is None or found[0].header.number > top.header.number:
        return None
    block, entries = found
    numbers = [number for number, _ in entries]
    if row.id not in numbers:
        raise SealBroken(f"{reference} was put behind the seal: block {block.header.number} has not got it")
    index = numbers.index(row.id)
    made = Proof(
        transfer=next(leaves(db, after=(row.xact, row.id - 1), until=(row.xact, row.id))).text,
        index=index,
        path=merkle.audit_path([hash_ for _, hash_ in entries], index),
        block=block.header,
        ancestors=_ancestors(db, block.header.number, top.header.number),
        head=top,
    )
    if not _holds(made):
        raise SealBroken(f"{reference} is not what block {block.header.number} sealed: escrow audit names what changed")
    return made


def reference_of(db: Connection, transfer_id: int) -> str | None:
    """The reference of the transfer with this id, or None."""
    return db.scalar(select(transfer.c.reference).where(transfer.c.id == transfer_id))


def _ancestors(db: Connection, number: int, top: int) -> list[bytes]:
    """The way from a block up to the root over all blocks before `top`.

    The hash of a complete subtree is made of the row of its last block, which kept the peaks before it: so a proof
    reads few rows, however many blocks there are.
    """
    if number == top:
        return []
    beside = [list(merkle.complete(*each)) for each in merkle.siblings(number - 1, top - 1)]
    rows = blocks.by_number(db, {end for subtrees in beside for _, end in subtrees})

    def root(start: int, end: int) -> bytes:
        last, height = rows[end], (end - start).bit_length() - 1
        return merkle.root_of([*last.peaks[len(last.peaks) - height :], merkle.leaf_hash(last.hash)])

    return [merkle.root_of([root(*each) for each in subtrees]) for subtrees in beside]


def _holds(proof: Proof) -> bool:
    leaf, header, head = merkle.leaf_hash(proof.transfer.encode("ascii")), proof.block, proof.head.header
    if merkle.root_by(proof.path, leaf, index=proof.index, size=header.transfers) != header.root:
        return False
    if header.number == head.number:
        return header.hash == proof.head.hash
    reached = merkle.root_by(
        proof.ancestors, merkle.leaf_hash(header.hash), index=header.number - 1, size=head.number - 1
    )
    return reached == head.ancestors
