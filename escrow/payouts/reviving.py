"""A payout that the bank rejected and paid all the same: whether its claim is still open, and taking it up again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, func, select, update

from escrow.payouts import instructions
from escrow.payouts.instructions import Instruction
from escrow.payouts.tables import instruction as table
from escrow.payouts.tables import release_line, release_request
from escrow.teaching.tables import attendance
from ledger.chunks import chunks
from ledger.entries import Transfer


def can_be_revived(db: Connection, each: Instruction) -> bool:
    """Whether nobody has decided anew about what this rejected payout was for, or not yet irrevocably."""
    if each.kind == "release":
        return _lessons_are_free(db, each.source_id)
    return all(other.state not in ("sent", "settled") for other in instructions.attempts(db, each.claim))


def revive(db: Connection, revived: Sequence[Instruction], *, now: datetime) -> list[Transfer]:
    """Take the claims up again: later attempts are withdrawn, releases hold their lessons. Gives what is to be posted.

    Each takes back its correction at the very instant that it counts from: between the two nothing was short.
    """
    if not revived:
        return []
    for claims in chunks([each.claim for each in revived]):
        waiting = update(table).where(table.c.claim.in_(claims), table.c.state == "instructed")
        db.execute(waiting.values(state="withdrawn", ended_at=now, why="the first attempt was paid after all"))
    releases = [each for each in revived if each.kind == "release"]
    for each in releases:
        db.execute(
            update(attendance).where(attendance.c.id.in_(_held(each.source_id))).values(release_id=each.source_id)
        )
        db.execute(update(release_request).where(release_request.c.id == each.source_id).values(state="approved"))
    return [
        Transfer(
            debit=earned_path(each),
            credit=each.owed_path,
            amount=each.amount,
            kind="release",
            reference=f"payout/{each.end_to_end}/revived",
            effective=each.ended_at or now,
            corrects=f"payout/{each.end_to_end}/rejected",
        )
        for each in releases
    ]


def earned_path(release: Instruction) -> str:
    """Where the money of a release came from: `institution/<id>/earned`, beside the account that it empties."""
    return f"{release.owed_path.removesuffix('/payout')}/earned"


def _lessons_are_free(db: Connection, request_id: int) -> bool:
    """Whether no later request holds any of its lessons, and none took its period."""
    a, r = attendance.c, release_request.c
    rows = db.execute(select(a.release_id).where(a.id.in_(_held(request_id))).order_by(a.id).with_for_update())
    if any(row.release_id is not None for row in rows):
        return False
    mine = select(r.institution_id, r.period).where(r.id == request_id).subquery().c
    live = r.institution_id == mine.institution_id, r.period == mine.period, r.state.in_(("requested", "approved"))
    return db.execute(select(func.count()).select_from(release_request).where(*live)).scalar_one() == 0


def _held(request_id: int) -> Select[tuple[int]]:
    """The lessons that a request held when it was asked."""
    lines = release_line.c
    return select(lines.attendance_id).where(lines.request_id == request_id, lines.share.is_not(None))
