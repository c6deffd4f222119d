"""What a release request holds and what it must leave out. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, Protocol

from escrow.payouts.cycles import Period, Terms
from escrow.payouts.windows import start_of
from escrow.refusals import Conflict
from escrow.rules.months import Month

_MONTH: Final = re.compile("[0-9]{4}-[0-9]{2}")


class AlreadyRequested(Conflict):
    """The release of {period} was asked for before: request {request} is {state}."""

    zh = "{period} 的拨付申请已提交：申请 {request}，状态 {state}。"


class NothingToRelease(Conflict):
    """No confirmed lesson up to {period} is waiting to be released; {left_out} lessons are left out: {reasons}."""

    zh = "截至 {period} 没有可拨付的已确认课时；未纳入 {left_out} 课时：{reasons_zh}。"


class FamiliesFirst(Conflict):
    """The institution is closing, and every family is repaid before it (民办教育促进法, art. 59). Ask or approve again
    when the closure is approved and all repayments have left the account; {refunds} have not yet."""

    zh = (
        "机构终止办学，依《民办教育促进法》第五十九条应先退还学员费用；"
        "待终止获批且退费全部付出后再申请或审批（尚有 {refunds} 笔未付出）。"
    )


class PaidThoughRejected(Conflict):
    """The bank's statement shows {payouts} leaving the account although the bank had rejected it, so these lessons may
    be paid already. Reject this request and reconcile again, or wait until the bank has taken its payment back."""

    zh = (
        "银行曾拒付 {payouts}，对账单却显示已付出，本申请的课时可能已经付过。"
        "请驳回本申请后重新对账，或待银行将该款追回后再审批。"
    )


class RosterMissing(Conflict):
    """A release is not asked for without the month's roster here. {sentence}"""

    zh = "{sentence_zh}"


REASONS_IN_CHINESE: Final[Mapping[str, str]] = {
    "awaiting_confirmation": "待家长确认",
    "not_paid_for": "预付款不足",
    "disputed": "有争议",
    "order_not_over": "订单课程未全部完成并确认",
    "order_resting": "订单课程结束后的等待期未满",
}


Reason = Literal["awaiting_confirmation", "not_paid_for", "disputed", "order_not_over", "order_resting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A lesson that a request does not hold: why, and the month whose request can hold it (None: unknown yet)."""

    attendance_id: int
    reason: Reason
    expected: Month | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a request would hold: (attendance, share in fen) of confirmed lessons, and what it leaves out."""

    held: Sequence[tuple[int, int]]
    left_out: Sequence[LeftOut]

    @property
    def amount(self) -> int:
        return sum(share for _, share in self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """A request for a period's confirmed lessons (拨付申请). `amount` in fen; `window_rule` is what let it in.

    `period` is a month, 2026-10; where releases are more frequent also a week, 2026-W41, or a day. `approval` says
    whose approvals it needs (cycles.approvers); of two, the first one is kept until the second is given.
    Bounced: it was approved, and the bank did not pay it or the money came back; its lessons can be asked for again.
    """

    id: int
    institution_id: int
    period: str
    amount: int
    lessons: int
    window_rule: str
    state: Literal["requested", "approved", "rejected", "bounced"]
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    approval: str
    first_approved_by: str | None
    first_approved_role: str | None
    first_approved_at: datetime | None

    @property
    def month(self) -> str | None:
        """The month, where it is one."""
        return self.period if _MONTH.fullmatch(self.period) else None

    @property
    def hold(self) -> str:
        """The reference of the hold in the ledger."""
        return f"release/{self.id}"


class Waiting(Protocol):
    """A lesson of one student that is not released yet, as far as a request must know it."""

    @property
    def id(self) -> int: ...
    @property
    def contract_id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def share(self) -> int | None: ...
    @property
    def silent_on(self) -> date: ...


def drafted(
    lessons: Sequence[Waiting], terms: Terms, *, whole: Mapping[int, date] | None = None, now: datetime
) -> Draft:
    """Divide lessons into what can be asked for and what must wait. Pure.

    `whole`, where only whole orders are released: the contracts that are taught and confirmed to the end, each with the
    day of its last lesson.
    """
    held, left_out = [], []
    for row in lessons:
        if row.state == "disputed":
            left_out.append(LeftOut(attendance_id=row.id, reason="disputed", expected=None))
        elif row.state != "confirmed":
            left_out.append(_waiting(row, terms, now))
        elif whole is not None and (later := _resting(row, terms, whole, now)):
            left_out.append(later)
        else:
            held.append((row.id, row.share or 0))
    return Draft(held=held, left_out=left_out)


def _resting(row: Waiting, terms: Terms, whole: Mapping[int, date], now: datetime) -> LeftOut | None:
    """A confirmed lesson of an order that is not over, or has not rested long enough since."""
    last = whole.get(row.contract_id)
    if last is None:
        return LeftOut(attendance_id=row.id, reason="order_not_over", expected=None)
    until = terms.rests_until(last)
    if until <= now:
        return None
    return LeftOut(attendance_id=row.id, reason="order_resting", expected=Month.containing(until))


def nothing_to_release(draft: Draft, period: Period) -> NothingToRelease:
    """The refusal of a draft without money, with what it would leave out and why."""
    reasons = sorted({each.reason for each in draft.left_out})
    return NothingToRelease(
        period=period.name,
        left_out=len(draft.left_out),
        reasons=", ".join(reasons) or "-",
        reasons_zh="、".join(REASONS_IN_CHINESE[each] for each in reasons) or "无",
    )


def _waiting(row: Waiting, terms: Terms, now: datetime) -> LeftOut:
    """A lesson that is recorded only: until its guardian speaks, or silence does, or somebody pays for it."""
    heard = start_of(row.silent_on + timedelta(days=1))
    if heard <= now:
        return LeftOut(attendance_id=row.id, reason="not_paid_for", expected=None)
    return LeftOut(attendance_id=row.id, reason="awaiting_confirmation", expected=terms.expected(heard, now))
