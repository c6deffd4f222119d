"""What a release request holds and what it must leave out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, Protocol

from escrow.payouts.windows import expected_month, next_window
from escrow.refusals import Conflict
from escrow.rules.months import SHANGHAI, Month
from escrow.rules.rule import Rule


class MonthNotOver(Conflict):
    """The month {month} is not over; its lessons can be asked for from the window of {next_month} on."""

    zh = "{month} 尚未结束，其课时须自 {next_month} 的申请窗口起申请拨付。"


class AlreadyRequested(Conflict):
    """The release of {month} was asked for before: request {request} is {state}."""

    zh = "{month} 的拨付申请已提交：申请 {request}，状态 {state}。"


class NothingToRelease(Conflict):
    """No confirmed lesson up to {month} is waiting to be released; {left_out} lessons are left out: {reasons}."""

    zh = "截至 {month} 没有可拨付的已确认课时；未纳入 {left_out} 课时：{reasons_zh}。"


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
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A lesson that a request does not hold: why, and the month whose window can hold it (None: unknown yet)."""

    attendance_id: int
    reason: Literal["awaiting_confirmation", "not_paid_for", "disputed"]
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
    """A request for a month's confirmed lessons (拨付申请). `amount` in fen; `window_rule` is what let it in.

    Bounced: it was approved, and the bank did not pay it or the money came back; its lessons can be asked for again.
    """

    id: int
    institution_id: int
    month: str
    amount: int
    lessons: int
    window_rule: str
    state: Literal["requested", "approved", "rejected", "bounced"]
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None

    @property
    def hold(self) -> str:
        """The reference of the hold in the ledger."""
        return f"release/{self.id}"


class Waiting(Protocol):
    """A lesson of one student that is not released yet, as far as a request must know it."""

    @property
    def id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def share(self) -> int | None: ...
    @property
    def silent_on(self) -> date: ...


def drafted(lessons: Sequence[Waiting], rule: Rule, *, now: datetime) -> Draft:
    """Divide lessons into what can be asked for and what must wait. Pure."""
    held, left_out = [], []
    for row in lessons:
        if row.state == "confirmed":
            held.append((row.id, row.share or 0))
        elif row.state == "disputed":
            left_out.append(LeftOut(attendance_id=row.id, reason="disputed", expected=None))
        else:
            left_out.append(_waiting(row, rule, now))
    return Draft(held=held, left_out=left_out)


def nothing_to_release(draft: Draft, month: Month) -> NothingToRelease:
    """The refusal of a draft without money, with what it would leave out and why."""
    reasons = sorted({each.reason for each in draft.left_out})
    return NothingToRelease(
        month=month,
        left_out=len(draft.left_out),
        reasons=", ".join(reasons) or "-",
        reasons_zh="、".join(REASONS_IN_CHINESE[each] for each in reasons) or "无",
    )


def _waiting(row: Waiting, rule: Rule, now: datetime) -> LeftOut:
    """A lesson that is recorded only: until its guardian speaks, or silence does, or somebody pays for it."""
    heard = datetime.combine(row.silent_on + timedelta(days=1), time.min, SHANGHAI)
    if heard <= now:
        return LeftOut(attendance_id=row.id, reason="not_paid_for", expected=None)
    # Not in this window any more, even if it is heard of before the window closes: the month's request is this one.
    later = max(heard, next_window(now, rule).closes)
    return LeftOut(attendance_id=row.id, reason="awaiting_confirmation", expected=expected_month(later, rule))
