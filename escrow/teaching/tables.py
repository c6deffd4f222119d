"""Class sessions, who was there, and how many heads somebody counted."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint

from escrow.db import noun
from ledger.columns import Day, Instant, Whole

lesson: Final = noun(
    "lesson",
    Column("institution_id", Whole, ForeignKey("institution.id"), nullable=False),
    Column("course_id", Whole, ForeignKey("course.id"), nullable=False),
    Column("class_no", Text, nullable=False),
    Column("held_on", Day, nullable=False, comment="local day"),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    CheckConstraint("ends_at > starts_at", name="span"),
    UniqueConstraint("course_id", "class_no", "starts_at"),
    Index("ix_lesson_month", "institution_id", "held_on"),
)

attendance: Final = noun(
    "attendance",
    Column("lesson_id", Whole, ForeignKey("lesson.id"), nullable=False),
    Column("contract_id", Whole, ForeignKey("contract.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("silent_on", Day, nullable=False, comment="last local day to confirm or dispute; after it, silence counts"),
    Column("ordinal", Whole, comment="the how-manieth confirmed lesson of its contract"),
    Column("share", Whole, comment="fen moved from prepaid to earned"),
    Column("confirmed_at", Instant),
    Column("confirmed_by", Text),
    Column("dispute", Text, comment="the guardian's reason"),
    Column("release_id", Whole, comment="the live release request that holds it"),
    UniqueConstraint("contract_id", "lesson_id"),
    UniqueConstraint("contract_id", "ordinal"),
    CheckConstraint("state IN ('recorded', 'confirmed', 'disputed', 'struck')", name="state"),
    CheckConstraint(
        "(state = 'confirmed') = (ordinal IS NOT NULL AND share IS NOT NULL AND confirmed_at IS NOT NULL)",
        name="confirmed",
    ),
    CheckConstraint("release_id IS NULL OR state = 'confirmed'", name="released"),
    CheckConstraint("state <> 'disputed' OR dispute IS NOT NULL", name="disputed"),
    Index("ix_attendance_lesson", "lesson_id"),
    Index("ix_attendance_silence", "state", "silent_on"),
    Index("ix_attendance_release", "release_id"),
)

head_count: Final = noun(
    "head_count",
    Column("lesson_id", Whole, ForeignKey("lesson.id"), nullable=False),
    Column("heads", Whole, nullable=False),
    Column("counted_by", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("counted_at", Instant, nullable=False),
    CheckConstraint("heads >= 0 AND heads <= 1000", name="heads"),
    CheckConstraint("role IN ('institution', 'bureau')", name="role"),
    Index("ix_head_count_lesson", "lesson_id"),
)
"""How many pupils sat in a class, as somebody counted them; append-only, since a second count is a second count."""
