"""Merkle trees over SHA-256 as Certificate Transparency builds them (RFC 6962, section 2.1). Pure.

A tree of n leaves is its first k leaves, k the largest power of two below n, beside the rest. A range of leaves that
stands alone under one node is written (start, end), end not included.
"""

import hashlib
from collections.abc import Iterator, Sequence

Range = tuple[int, int]


def leaf_hash(content: bytes) -> bytes:
    """The hash of one leaf: SHA-256 over 0x00 and the content."""
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees: SHA-256 over 0x01 and both. No node passes for a leaf, which begins otherwise."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash (MTH) of these leaf hashes; of none, the hash of nothing."""
    if not leaves:
        return hashlib.sha256().digest()
    # Pairs from the bottom up, a last one alone goes up as it is: the same tree as the RFC's from the top down.
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [*(node_hash(*pair) for pair in pairs), *level[len(level) // 2 * 2 :]]
    return level[0]


def siblings(index: int, size: int) -> list[Range]:
    """The ranges beside the way from leaf `index` of `size` up to the root, lowest first. Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}; they are numbered from 0")
    found = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def audit_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What proves leaf `index` (RFC 6962, 2.1.1): the hashes beside its way to the root, lowest first."""
    return [root(leaves[start:end]) for start, end in siblings(index, len(leaves))]


def root_by(path: Sequence[bytes], leaf: bytes, *, index: int, size: int) -> bytes:
    """The root that an audit path leads to from this leaf hash. Raises ValueError where the path does not fit."""
    beside = siblings(index, size)
    if len(path) != len(beside):
        raise ValueError(f"the path of leaf {index} of {size} has {len(beside)} hashes; {len(path)} came")
    reached = leaf
    for (start, _), sibling in zip(beside, path, strict=True):
        reached = node_hash(reached, sibling) if start > index else node_hash(sibling, reached)
    return reached


def grown(peaks: Sequence[bytes], size: int, leaf: bytes) -> tuple[bytes, ...]:
    """The peaks of a tree of `size` leaves after one leaf more.

    Peaks are the roots of its complete subtrees, largest first, one for each binary digit 1 of its size: all that one
    must know of a tree to let it grow.
    """
    kept, joined = list(peaks), leaf
    while size & 1:
        joined = node_hash(kept.pop(), joined)
        size >>= 1
    return (*kept, joined)


def root_of(peaks: Sequence[bytes]) -> bytes:
    """The root of the tree that has these peaks."""
    if not peaks:
        return root([])
    joined = peaks[-1]
    for peak in reversed(peaks[:-1]):
        joined = node_hash(peak, joined)
    return joined


def complete(start: int, end: int) -> Iterator[Range]:
    """The complete subtrees, largest first, that a range under one node is made of."""
    while start < end:
        size = 1 << ((end - start).bit_length() - 1)
        yield start, start + size
        start += size


def _left(size: int) -> int:
    """How many of `size` leaves, at least two, stand on the left."""
    return 1 << ((size - 1).bit_length() - 1)
