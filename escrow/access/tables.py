"""Keys of callers, keys of banks, answers already given, and the trail of decisions."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, Index, Text, UniqueConstraint

from escrow.db import noun
from ledger.columns import Instant, Json, Name, Whole

ROLES: Final = ("family", "institution", "bank", "bureau", "auditor")
CHANNELS: Final = ("bank", "wechat", "alipay")
ALGORITHMS: Final = ("v1", "v1a", "rsa-sha256", "sm2-sm3", "aes-256-gcm")

api_key: Final = noun(
    "api_key",
    Column("digest", Name, nullable=False, unique=True, comment="SHA-256 of the key; the key itself is not kept"),
    Column("name", Text, nullable=False, comment="the person or system that acts"),
    Column("role", Text, nullable=False),
    Column("party", Whole, comment="the institution's or guardian's id, for those two roles"),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("person", Name, comment="a keyed hash of the person's number; NULL: a system, or nobody has said"),
    CheckConstraint(f"role IN {ROLES}", name="role"),
    CheckConstraint("(party IS NOT NULL) = (role IN ('family', 'institution'))", name="party"),
    Index("ix_api_key_name", "name"),
)

bank_key: Final = noun(
    "bank_key",
    Column("key_id", Name, nullable=False, unique=True),
    Column("algorithm", Text, nullable=False),
    Column("material", Text, nullable=False, comment="base64 of the public key, or of the shared secret"),
    Column("not_before", Instant, nullable=False),
    Column("not_after", Instant),
    Column("channel", Text, nullable=False, server_default="bank", comment="whose word it is believed for"),
    CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
    CheckConstraint(f"algorithm IN {ALGORITHMS}", name="algorithm"),
    CheckConstraint("not_after > not_before", name="span"),
)

secret: Final = noun(
    "secret",
    Column("name", Name, nullable=False, unique=True),
    Column("value", Text, nullable=False, comment="base64"),
)
"""What this service alone must know, made at random when it is first needed: the key of payment links."""

answer: Final = noun(
    "answer",
    Column("caller", Name, nullable=False),
    Column("key", Name, nullable=False),
    Column("fingerprint", Text, nullable=False, comment="SHA-256 of method, path and body"),
    Column("status", Whole, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("caller", "key"),
)
"""What was answered to a request under an Idempotency-Key, refusals included: a repeat gets the same bytes."""

refused_word: Final = noun(
    "refused_word",
    Column("slot", Instant, nullable=False, comment="the hour in which they came"),
    Column("source", Name, nullable=False),
    Column("times", Whole, nullable=False),
    Column("kind", Text, nullable=False, comment="why the last one was refused"),
    Column("last_at", Instant, nullable=False),
    UniqueConstraint("slot", "source"),
    CheckConstraint("times > 0", name="times"),
)
"""Words that were not believed, counted by source and hour: whoever sends a million leaves one row, and one entry in
the trail."""

audit_entry: Final = noun(
    "audit_entry",
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Name, nullable=False),
    Column("facts", Json, nullable=False),
    Column("caller_key", Name, nullable=False),
    Index("ix_audit_entry_subject", "subject"),
)
"""One entry for each decision, in the decision's own transaction; append-only."""
