"""The bills of payment channels, and which of their rows each lump brought."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint

from escrow.db import noun
from ledger.columns import Day, Instant, Name, Whole

merchant_bill: Final = noun(
    "merchant_bill",
    Column("account", Name, nullable=False),
    Column("channel", Name, nullable=False),
    Column("format", Text, nullable=False),
    Column("begins", Day, comment="NULL: nothing was traded"),
    Column("ends", Day),
    Column("trades", Whole, nullable=False),
    Column("net", Whole, nullable=False, comment="fen that should reach the bank: payments less refunds less fees"),
    Column("sha256", Name, nullable=False, comment="of the file"),
    Column("imported_at", Instant, nullable=False),
    Column("imported_by", Text, nullable=False),
    UniqueConstraint("account", "sha256"),
    CheckConstraint("(begins IS NULL) = (trades = 0) AND (ends IS NULL) = (trades = 0) AND trades >= 0", name="trades"),
    CheckConstraint("ends >= begins", name="span"),
)
"""A payment channel's bill for the merchant whose money comes into an account; append-only."""

merchant_bill_row: Final = noun(
    "merchant_bill_row",
    Column("bill_id", Whole, ForeignKey("merchant_bill.id"), nullable=False),
    Column("account", Name, nullable=False),
    Column("channel", Name, nullable=False),
    Column("number", Whole, nullable=False, comment="its line in the first file that brought it"),
    Column("merchant", Name, nullable=False),
    Column("traded_on", Day, nullable=False),
    Column("traded_at", Instant, nullable=False),
    Column("kind", Name, nullable=False),
    Column("reference", Name, nullable=False, comment="the order's, as the channel was given it"),
    Column("serial", Name, nullable=False, comment="the channel's id of the payment"),
    Column("refund_serial", Name, nullable=False, comment="the channel's id of the refund"),
    Column("refund_number", Name, nullable=False, server_default="", comment="under which we asked for the refund"),
    Column("amount", Whole, nullable=False, comment="fen; negative: refunded"),
    Column("fee", Whole, nullable=False, comment="fen that the channel kept; negative: gave back"),
    UniqueConstraint("channel", "kind", "serial", "refund_serial"),
    CheckConstraint(
        "kind = 'payment' AND amount >= 0 AND refund_serial = '' OR kind = 'refund' AND amount <= 0", name="kind"
    ),
    Index("ix_merchant_bill_row_day", "account", "traded_on"),
    Index("ix_merchant_bill_row_bill", "bill_id"),
)
"""Append-only; each payment and refund of a channel once, whichever bills tell of it."""

lump_row: Final = noun(
    "statement_match_bill_row",
    Column("match_id", Whole, ForeignKey("statement_match.id"), nullable=False, comment="its first row"),
    Column("row_id", Whole, ForeignKey("merchant_bill_row.id"), nullable=False),
    UniqueConstraint("match_id", "row_id"),
    Index("ix_statement_match_bill_row_row", "row_id"),
)
"""The rows of a channel's bill that a lump brought, as long as its match stands; append-only."""
