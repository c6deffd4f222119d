"""Blocks: what is committed is sealed, some transfers at a time, in a signed chain."""

import sqlalchemy as sa
from alembic import op

import ledger.columns
from escrow.migrations.births import guard


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_block",
        sa.Column("number", _WHOLE, nullable=False, autoincrement=False),
        sa.Column("previous", _BYTES, nullable=False, comment="hash of the block before; zeros in the first"),
        sa.Column("end_xact", _WHOLE, nullable=False, comment="where its last transfer stands in commit order"),
        sa.Column("end_id", _WHOLE, nullable=False),
        sa.Column("transfers", _WHOLE, nullable=False, comment="how many it seals"),
        sa.Column("total", _WHOLE, nullable=False, comment="how many are sealed with it and all before"),
        sa.Column("root", _BYTES, nullable=False, comment="Merkle root (RFC 6962) over its transfers"),
        sa.Column("ancestors", _BYTES, nullable=False, comment="Merkle root over the hashes of all blocks before"),
        sa.Column("sealed_at", ledger.columns.Instant(), nullable=False),
        sa.Column("key", _BYTES, nullable=False, comment="Ed25519 public key of who sealed it"),
        sa.Column("hash", _BYTES, nullable=False, comment="SHA-256 of the header, which is made of all columns above"),
        sa.Column("signature", _BYTES, nullable=False, comment="Ed25519, over the hash"),
        sa.Column("peaks", _BYTES, nullable=False, comment="roots of the complete subtrees over all blocks before"),
        sa.Column(
            "leaves", _BYTES, nullable=False, comment="of each transfer its id, 8 bytes, and its leaf hash, 32 bytes"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_block")),
        sa.UniqueConstraint("previous", name=op.f("uq_ledger_block_previous")),
        sa.UniqueConstraint("end_xact", "end_id", name=op.f("uq_ledger_block_end_xact_end_id")),
        sa.CheckConstraint("number > 0 AND transfers > 0 AND total >= transfers", name=op.f("ck_ledger_block_counts")),
        sa.CheckConstraint(
            "length(previous) = 32 AND length(root) = 32 AND length(ancestors) = 32 AND length(key) = 32"
            " AND length(hash) = 32 AND length(signature) = 64 AND length(leaves) = 40 * transfers",
            name=op.f("ck_ledger_block_sizes"),
        ),
        sqlite_strict=True,
    )
    guard(["ledger_block"])


_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTES = sa.LargeBinary()
