"""The audit of the seal: every block made again from the transfers, and whatever was touched since named."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection

from ledger import blocks, merkle
from ledger.audit import Breach
from ledger.blocks import NONE_BEFORE, Block
from ledger.leaves import BEFORE_ALL, Leaf, Place, leaves

_BLOCKS: Final = "blocks are unbroken"
_TRANSFERS: Final = "sealed transfers stay as they were"


def blocks_are_unbroken(
    db: Connection, public_keys: Collection[bytes], *, published: Mapping[int, bytes] | None = None
) -> Iterator[Breach]:
    """Every transfer behind the seal is the one that was sealed, and every block follows from the one before and from
    its transfers and is signed by one of these keys.

    `published`: the hashes of heads that were published, by their blocks' numbers. Only they show that blocks at the
    end were taken away, or all made anew by somebody with the key. Read inside one snapshot. What is kept in memory
    does not grow with the books.
    """
    last, before = blocks.head(db), None
    heads = dict(published or {})
    if last is not None:
        sealed = _Ordered(leaves(db, after=BEFORE_ALL, until=last.header.end))
        for block, column in blocks.all_blocks(db):
            wrong = [*_in_the_chain(block, before), *_in_itself(block, column, public_keys)]
            if heads.pop(block.header.number, block.hash) != block.hash:
                wrong.append("its head was published with another hash")
            subject = f"block {block.header.number}"
            yield from (Breach(invariant=_BLOCKS, subject=subject, detail=each) for each in wrong)
            yield from _in_its_transfers(block, column, list(sealed.up_to(block.header.end)))
            before = block
    for number in sorted(heads):
        yield Breach(invariant=_BLOCKS, subject=f"block {number}", detail="its head was published, and it is gone")


class _Ordered:
    """The transfers in commit order, handed out block by block."""

    def __init__(self, found: Iterator[Leaf]) -> None:
        self._rest = found
        self._next = next(found, None)

    def up_to(self, end: Place) -> Iterator[Leaf]:
        while self._next is not None and self._next.place <= end:
            yield self._next
            self._next = next(self._rest, None)


def _in_the_chain(block: Block, before: Block | None) -> Iterator[str]:
    """What does not fit to the block before."""
    header = block.header
    number, hash_, total, end, peaks = (
        (0, NONE_BEFORE, 0, BEFORE_ALL, ())
        if before is None
        else (before.header.number, before.hash, before.header.total, before.header.end, before.grown_peaks)
    )
    if header.number != number + 1:
        yield f"it comes after block {number}: what stood between is gone"
    elif header.previous != hash_:
        yield f"it does not name block {number} as the one before"
    elif block.peaks != peaks:
        yield "the subtrees over the blocks before it are not those that it has"
    if header.total != total + header.transfers:
        yield f"it makes {header.total} transfers in all, of {total} before and {header.transfers} in it"
    if header.end <= end:
        yield f"it ends at {header.end}, and the one before at {end}"


def _in_itself(block: Block, column: bytes, public_keys: Collection[bytes]) -> Iterator[str]:
    """What does not fit within the row."""
    header = block.header
    if header.hash != block.hash:
        yield "its header was changed: it is not the one that its hash was taken of"
    if merkle.root_of(block.peaks) != header.ancestors:
        yield "the root over the blocks before it is not that of their subtrees"
    if merkle.root([hash_ for _, hash_ in blocks.entries(column)]) != header.root:
        yield "its root is not that of its leaves"
    if header.key not in public_keys:
        yield f"it was sealed with the key {header.key.hex()}, which is none of ours"
    elif not _signed(block):
        yield "its signature does not hold"


def _signed(block: Block) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(block.header.key).verify(block.signature, block.hash)
    except InvalidSignature:
        return False
    return True


def _in_its_transfers(block: Block, column: bytes, stand: list[Leaf]) -> Iterator[Breach]:
    """Which transfers are not what was sealed."""
    hashes = [each.hash for each in stand]
    numbers = (each.id for each in stand)
    if blocks.as_leaves(zip(numbers, hashes, strict=True)) == column:
        return
    number = block.header.number
    if merkle.root(hashes) == block.header.root:
        detail = "its list of leaves was changed: its transfers are what was sealed"
        yield Breach(invariant=_BLOCKS, subject=f"block {number}", detail=detail)
        return
    sealed = {each: (position, hash_) for position, (each, hash_) in enumerate(blocks.entries(column), start=1)}
    in_order = iter(sorted((each.id for each in stand if each.id in sealed), key=lambda each: sealed[each][0]))
    for each, hash_ in zip(stand, hashes, strict=True):
        position, was = sealed.get(each.id, (0, b""))
        what = f"transfer {each.id}, sealed as number {position} of block {number}"
        if not position:
            what = f"transfer {each.id} was put behind the seal, among those of block {number}"
        elif (next(in_order), hash_) == (each.id, was):
            continue
        elif hash_ != was:
            what += ", was changed"
        else:
            what += ", stands in another place"
        yield Breach(invariant=_TRANSFERS, subject=each.reference, detail=f"{what}: {each.text}")
    for gone in sealed.keys() - {each.id for each in stand}:
        detail = f"sealed as number {sealed[gone][0]} of block {number}, is gone"
        yield Breach(invariant=_TRANSFERS, subject=f"transfer {gone}", detail=detail)
