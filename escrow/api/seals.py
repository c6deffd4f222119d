"""The seal of the books: its signed head, and the proof that a transfer stands behind it."""

import re
from contextlib import suppress
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import Connection

from escrow.access.caller import Caller
from escrow.api.asking import Look, looking
from escrow.api.description import LEDGER, may_refuse
from escrow.api.shapes import LARGEST_ID, Shown
from escrow.enrolment import contracts
from escrow.refusals import NotSealedYet, Unknown
from ledger import blocks, proofs, reading
from ledger.entries import Recorded

routes = APIRouter(tags=[LEDGER], prefix="/ledger")

_ID: Final = re.compile("[1-9][0-9]{0,17}", re.ASCII)
_HASH: Final = Field(pattern="^[0-9a-f]{64}$", description="SHA-256, in hexadecimal.")


class HeaderShown(Shown):
    """What a block says; its hash is that of exactly this, keys sorted, without spaces."""

    number: int
    previous: str = _HASH
    end: str = Field(description="Where its last transfer stands: `after` it come those of the next block.")
    transfers: int
    total: int = Field(description="Transfers in this block and all before.")
    root: str = Field(description="Merkle root (RFC 6962) over its transfers.")
    ancestors: str = Field(description="Merkle root over the hashes of all blocks before.")
    sealed_at: str
    key: str = Field(description="Ed25519 public key of who sealed it, in hexadecimal.")


class HeadShown(Shown):
    """The newest block's header and the Ed25519 signature over its hash: what the bureau publishes."""

    header: HeaderShown
    signature: str


class ProofShown(Shown):
    """The proof of one transfer. `docs/verify_receipt.py` checks it against a published head."""

    transfer: dict[str, Any] = Field(description="All that the books say of it, as sealed; the amount in minor units.")
    index: int = Field(description="Its position in its block, from 0.")
    path: list[str] = Field(description="Hashes beside its way to its block's root, lowest first.")
    block: HeaderShown
    ancestors: list[str] = Field(description="Hashes beside the block's way to the head's root of ancestors.")
    head: HeadShown


Books = Annotated[Look, Depends(looking("bureau", "auditor"))]
Parties = Annotated[Look, Depends(looking("family", "institution", "bureau", "auditor"))]


@routes.get("/head", responses=may_refuse(Unknown), summary="The signed head of the books 账簿链头")
def head(look: Books) -> HeadShown:
    """Whoever keeps it can tell later whether any transfer up to here was touched."""

    def read(db: Connection) -> HeadShown:
        newest = blocks.head(db)
        if newest is None:
            raise Unknown(what="block", key=1)
        return HeadShown.model_validate(blocks.head_content(newest), from_attributes=False)

    return look(read)


@routes.get("/proofs/{transfer:path}", responses=may_refuse(Unknown, NotSealedYet), summary="A proof 存证证明")
def proof(
    transfer: str,
    look: Parties,
    head: Annotated[
        int | None, Query(ge=1, le=LARGEST_ID, description="The number of a head that was published; else the newest.")
    ] = None,
) -> ProofShown:
    """Of a transfer by its reference, or by its id. A family or an institution gets it for transfers of its own
    contracts."""

    def read(db: Connection) -> ProofShown:
        reference = _seen(db, transfer, look).reference
        found = proofs.proof(db, reference, head=head)
        if found is None:
            raise NotSealedYet(transfer=reference, seconds=look.desk.settings.seal_seconds)
        return ProofShown.model_validate(found.content, from_attributes=False)

    return look(read)


def _seen(db: Connection, key: str, look: Look) -> Recorded:
    """The transfer, for the bureau, the auditor and parties to its contract. Raises Unknown, for others too."""
    unknown = Unknown(what="transfer", key=key[:100])
    reference: str | None = key if key.isprintable() else None
    found = reading.by_reference(db, [reference] if reference else [])
    if not found and _ID.fullmatch(key):
        reference = proofs.reference_of(db, int(key))
        found = reading.by_reference(db, [reference] if reference else [])
    if not found:
        raise unknown
    (transfer,) = found.values()
    if look.by.role in {"family", "institution"} and not _is_party(db, transfer, look.by):
        raise unknown
    return transfer


def _is_party(db: Connection, transfer: Recorded, by: Caller) -> bool:
    """Whether it is about a contract that the caller is a party to."""
    for owner, key, *_ in (path.split("/") for path in (transfer.debit, transfer.credit)):
        if owner == "contract":
            with suppress(Unknown):
                contracts.must_be_party(contracts.get(db, int(key)), by)
                return True
    return False
