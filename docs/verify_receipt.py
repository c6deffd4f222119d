"""Check that a transfer stands in books whose head was published.

    python verify_receipt.py PROOF.json HEAD.json PUBLIC_KEY

PROOF.json: from the service, /api/v1/ledger/proofs/…. HEAD.json and PUBLIC_KEY (64 hexadecimal digits): as the bureau
published them. Exit status 0 when it is proven. Needs the package cryptography. The trees are those of RFC 6962, 2.1.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def hashed(mark, content):
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(mark + text.encode()).digest()


def demand(holds, why):
    if not holds:
        raise ValueError(why)


def root(leaf, index, size, path):
    if size == 1:
        demand(index == 0 and path == [], "a path has the wrong length")
        return leaf
    left, beside = 1 << ((size - 1).bit_length() - 1), bytes.fromhex(path[-1])
    if index < left:
        return sha256(b"\1" + root(leaf, index, left, path[:-1]) + beside).digest()
    return sha256(b"\1" + beside + root(leaf, index - left, size - left, path[:-1])).digest()


def check(proof, head, key):
    block, top = proof["block"], head["header"]
    demand(proof["head"] == head, "the proof is for another head than the published one")
    signature, signer = bytes.fromhex(head["signature"]), Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    signer.verify(signature, hashed(b"", top))
    found = root(hashed(b"\0", proof["transfer"]), proof["index"], block["transfers"], proof["path"])
    demand(found.hex() == block["root"], "the transfer is not in its block")
    way = proof["ancestors"]
    if block == top:
        demand(way == [], "the head is no ancestor of itself")
    else:
        leaf = sha256(b"\0" + hashed(b"", block)).digest()
        found = root(leaf, block["number"] - 1, top["number"] - 1, way)
        demand(found.hex() == top["ancestors"], "the block does not stand before the head")


if __name__ == "__main__":
    files, key = sys.argv[1:3], sys.argv[3]
    try:
        proof, head = (json.loads(Path(file).read_text(encoding="utf-8")) for file in files)
        check(proof, head, key)
    except Exception as error:  # noqa: BLE001  the files may hold anything at all
        sys.exit(f"NOT PROVEN: {type(error).__name__}: {error}")
    block, top = proof["block"], head["header"]
    print(f"proven: block {block['number']}, sealed {block['sealed_at']}, under head {top['number']}, holds")
    print(json.dumps(proof["transfer"], indent=2, ensure_ascii=False))
