"""Merkle trees: the standard's own vectors, a naive reading of the standard, and paths that prove one leaf only."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import audit_path, complete, grown, leaf_hash, node_hash, root, root_by, root_of, siblings

# The inputs and roots with which Certificate Transparency's implementations test themselves: trees of the first 0, 1, …
# of these leaves.
CONTENTS: Final = [
    bytes.fromhex(each)
    for each in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS: Final = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES: Final = [leaf_hash(each) for each in CONTENTS]


def as_the_standard_writes_it(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1: MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])), k the largest power of two below n."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    left, right = as_the_standard_writes_it(leaves[:k]), as_the_standard_writes_it(leaves[k:])
    return sha256(b"\x01" + left + right).digest()


def many(number: int) -> list[bytes]:
    return [leaf_hash(bytes([each])) for each in range(number)]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_the_known_trees_have_the_known_roots(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size]


def test_a_tree_of_five_by_hand() -> None:
    a, b, c, d, e = LEAVES[:5]
    ab, cd = node_hash(a, b), node_hash(c, d)
    assert root(LEAVES[:5]) == node_hash(node_hash(ab, cd), e)
    assert audit_path(LEAVES[:5], 2) == [d, ab, e]
    assert audit_path(LEAVES[:5], 4) == [node_hash(ab, cd)]


def test_a_node_is_no_leaf() -> None:
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"") != root([])


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_the_root_is_that_of_the_standard_and_of_a_tree_that_grew(contents: list[bytes]) -> None:
    leaves = [leaf_hash(each) for each in contents]
    peaks: tuple[bytes, ...] = ()
    for size, leaf in enumerate(leaves):
        peaks = grown(peaks, size, leaf)
    assert root(leaves) == as_the_standard_writes_it(leaves) == root_of(peaks)
    assert len(peaks) == len(leaves).bit_count()


@given(st.integers(1, 70), st.data())
def test_a_path_proves_its_own_leaf_in_its_own_place_and_nothing_else(size: int, data: st.DataObject) -> None:
    leaves = many(size)
    index = data.draw(st.integers(0, size - 1))
    path, wanted = audit_path(leaves, index), root(leaves)
    assert root_by(path, leaves[index], index=index, size=size) == wanted
    for other in {*range(size)} - {index}:
        assert root_by(path, leaves[other], index=index, size=size) != wanted
        try:
            assert root_by(path, leaves[index], index=other, size=size) != wanted
        except ValueError:
            continue
    for place in range(len(path)):
        wrong = [*path[:place], leaf_hash(b"wrong"), *path[place + 1 :]]
        assert root_by(wrong, leaves[index], index=index, size=size) != wanted


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_path(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="there is no leaf"):
        siblings(index, size)


@pytest.mark.parametrize("length", [0, 2, 4])
def test_a_path_of_another_length_is_refused(length: int) -> None:
    path = [*audit_path(LEAVES[:5], 2), bytes(32)][:length]
    with pytest.raises(ValueError, match="the path of leaf 2 of 5 has 3 hashes"):
        root_by(path, LEAVES[2], index=2, size=5)


@given(st.integers(1, 3_000), st.data())
def test_what_stands_beside_a_way_is_made_of_complete_subtrees(size: int, data: st.DataObject) -> None:
    """Each begins at a multiple of its own size: so its hash can be made of what its last leaf's row keeps."""
    for beside in siblings(data.draw(st.integers(0, size - 1)), size):
        parts = list(complete(*beside))
        assert (parts[0][0], parts[-1][1]) == beside
        assert all(left[1] == right[0] for left, right in pairwise(parts))
        assert all((end - start).bit_count() == 1 and start % (end - start) == 0 for start, end in parts)
