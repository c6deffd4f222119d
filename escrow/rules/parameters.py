"""The vocabulary of the rulebook: which parameters there are and what kind of value each has. No number of the law."""

from dataclasses import dataclass
from typing import Final, Literal

CATEGORIES: Final = ("subject", "non_subject")
"""学科 and 非学科: whether a course teaches a school subject."""

MODES: Final = ("offline", "online")
"""线下 and 线上."""

Kind = Literal["integer", "choice", "flag", "local_time", "ratio", "window", "renewal", "pay_term", "floor"]


class UnknownParameter(KeyError):
    """The rulebook has no parameter of this name."""

    def __str__(self) -> str:
        return f"no parameter {self.args[0]!r} in the rulebook; known: {', '.join(PARAMETERS)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One thing that the law sets: its unit, the kind of its value, and the days that may decide the version.

    `zh` is what a Chinese reader calls it. Whole numbers stand from `least` to `most`, both inside.
    """

    zh: str
    kind: Kind
    unit: str
    decided_by: tuple[str, ...]
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None


_AT_SIGNING: Final = ("signed", "first_lesson")
_REQUESTED: Final = ("requested",)
_REFUND_ASKED: Final = ("refund_asked",)
_LOOKED_AT: Final = ("looked_at",)
_LAST_OF_A_MONTH: Final = 31

_PREPAYMENT: Final = {
    "prepayment.max_span": Parameter(
        zh="一次性预收费的最长时间跨度", kind="integer", unit="calendar months", decided_by=_AT_SIGNING
    ),
    "prepayment.max_lessons": Parameter(
        zh="一次性预收费的最多课时", kind="integer", unit="lessons per subject", decided_by=_AT_SIGNING
    ),
    "prepayment.max_amount": Parameter(zh="一次性预收费的最高金额", kind="integer", unit="fen", decided_by=_AT_SIGNING),
    "prepayment.materials": Parameter(
        zh="教材费、食宿费计入预收费", kind="flag", unit="counted", decided_by=_AT_SIGNING
    ),
    "prepayment.both_bases": Parameter(
        zh="按周期和按课时双重计费的课程",
        kind="choice",
        unit="which limit holds",
        decided_by=_AT_SIGNING,
        choices=("shorter", "as_charged"),
    ),
    "prepayment.earliest": Parameter(
        zh="最早收费时间", kind="integer", unit="calendar months before the first lesson", decided_by=_AT_SIGNING
    ),
    "prepayment.renew_at": Parameter(
        zh="续费时点", kind="renewal", unit="lessons, calendar months", decided_by=_AT_SIGNING
    ),
    "prepayment.cross_term": Parameter(zh="跨学期收费", kind="flag", unit="allowed", decided_by=_AT_SIGNING),
    "prepayment.loan": Parameter(zh="培训贷", kind="flag", unit="allowed", decided_by=("ordered",)),
}

_TEACHING: Final = {
    "lesson.minutes": Parameter(zh="标准课时时长", kind="integer", unit="minutes", decided_by=_AT_SIGNING, least=1),
    "lesson.latest_end": Parameter(zh="最晚下课时间", kind="local_time", unit="local time", decided_by=("taught",)),
    "confirmation.silence": Parameter(
        zh="逾期未确认视为确认", kind="integer", unit="working days", decided_by=("guardian_told",)
    ),
}

_RELEASE: Final = {
    "release.window": Parameter(zh="拨付申请窗口", kind="window", unit="day of month", decided_by=_REQUESTED),
    "release.shift": Parameter(
        zh="窗口内无工作日时的顺延",
        kind="choice",
        unit="when the window holds no working day",
        decided_by=_REQUESTED,
        choices=("until_a_working_day", "none"),
    ),
    "release.cycle": Parameter(
        zh="拨付周期",
        kind="choice",
        unit="release cycle",
        decided_by=_REQUESTED,
        choices=("in_step_with_teaching", "per_lesson", "weekly", "monthly", "after_whole_order"),
    ),
    "release.wait": Parameter(
        zh="课程结束后的等待期", kind="integer", unit="working days after the last lesson", decided_by=_REQUESTED
    ),
    "release.longest_interval": Parameter(
        zh="最长拨付间隔", kind="integer", unit="days", decided_by=_REQUESTED, least=1
    ),
    "release.approval": Parameter(
        zh="拨付审批人",
        kind="choice",
        unit="who approves",
        decided_by=_REQUESTED,
        choices=("bureau", "bank_after_guardian", "tripartite"),
    ),
    "roster.deadline": Parameter(
        zh="名册报送截止日",
        kind="integer",
        unit="day of month",
        decided_by=_REQUESTED,
        least=1,
        most=_LAST_OF_A_MONTH,
    ),
}

_ACCOUNT: Final = {
    "supervision.mode": Parameter(
        zh="资金监管方式",
        kind="choice",
        unit="supervision mode",
        decided_by=_LOOKED_AT,
        choices=("custody", "deposit", "custody_or_deposit", "custody_and_deposit"),
    ),
    "account.supervised": Parameter(
        zh="预收费全额进入监管账户", kind="flag", unit="required", decided_by=("received",)
    ),
    "account.personal_code": Parameter(
        zh="个人收款码用于经营收款", kind="flag", unit="allowed", decided_by=("received",)
    ),
    "code.static_daily": Parameter(
        zh="静态条码单日支付限额", kind="integer", unit="fen per customer and day", decided_by=("paid",)
    ),
    "cash.sweep": Parameter(zh="账户外收款的归集期限", kind="integer", unit="working days", decided_by=("received",)),
    "deposit.floor": Parameter(zh="风险保证金最低余额", kind="floor", unit="fen", decided_by=_LOOKED_AT),
    "deposit.payout_limit": Parameter(
        zh="每月支取上限", kind="ratio", unit="times the floor a month", decided_by=_REQUESTED
    ),
    "alert.balance": Parameter(
        zh="账户余额预警分级",
        kind="choice",
        unit="tiers of warning",
        decided_by=_LOOKED_AT,
        choices=("yellow_and_red", "none"),
    ),
}

_REFUND: Final = {
    "refund.cooling_off": Parameter(zh="冷静期", kind="integer", unit="days from payment", decided_by=("paid",)),
    "refund.institution_silence": Parameter(
        zh="机构逾期未答复视为同意退费", kind="integer", unit="working days", decided_by=_REFUND_ASKED
    ),
    "refund.pay_within": Parameter(zh="退费支付期限", kind="pay_term", unit="days", decided_by=_REFUND_ASKED),
    "refund.price": Parameter(
        zh="退费计价方式",
        kind="choice",
        unit="refund arithmetic",
        decided_by=_REFUND_ASKED,
        choices=("by_cause", "pro_rata"),
    ),
    "closure.notice": Parameter(zh="停业提前告知期", kind="integer", unit="days", decided_by=("closure_asked",)),
}

_STANDING: Final = {
    "licence.valid": Parameter(zh="办学许可在有效期内", kind="flag", unit="required", decided_by=("received",)),
    "course.filed": Parameter(zh="课程和价格备案公示", kind="flag", unit="required", decided_by=("received",)),
    "record.keep": Parameter(zh="资料保存期限", kind="integer", unit="years", decided_by=("recorded",)),
}

PARAMETERS: Final[dict[str, Parameter]] = _PREPAYMENT | _TEACHING | _RELEASE | _ACCOUNT | _REFUND | _STANDING
"""By name, as in the file names. `pro_rata`: by lessons, whoever is at fault. `looked_at`: the day of the look."""
