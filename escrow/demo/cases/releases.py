"""Release requests at the edges of the window, one that was rejected and asked again, and the bank's own lines."""

from collections.abc import Iterator
from datetime import date, datetime, time
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from escrow.demo import releasing
from escrow.demo.agenda import clock, next_morning
from escrow.demo.cases.outcome import Outcome, gone, local, payouts_of
from escrow.demo.town import OFFICER, School, Town
from escrow.demo.yuan import yuan
from escrow.payouts import releases
from escrow.payouts.release_drafts import ReleaseRequest
from escrow.payouts.tables import release_request
from escrow.payouts.windows import OutsideReleaseWindow
from escrow.rules.months import SHANGHAI, Month
from escrow.settlement.tables import STANDS, match, statement_line

AUGUST: Final = Month(2026, 8)
SEPTEMBER: Final = Month(2026, 9)
OCTOBER: Final = Month(2026, 10)
LAST_EVENING: Final = clock(date(2026, 11, 15), 20)
"""The end of the last window: what is asked for then leaves the bank after the last statement."""


def put_on_agenda(town: Town) -> None:
    """Four institutions ask at times of their own; the others as usual, see `releasing`."""
    early, last_minute, late, rejected, closing = *town.others[:4], town.others[-1]
    ask = partial(_ask, town)
    town.later(clock(date(2026, 9, 9), 10), partial(ask, early, month=AUGUST, title="the 9th"))
    town.later(clock(date(2026, 9, 10), 0), partial(ask, early, month=AUGUST, title="the 10th"))
    town.later(clock(date(2026, 10, 15), 23, 59), partial(ask, last_minute, month=SEPTEMBER, title="the 15th"))
    town.later(clock(date(2026, 10, 16), 0), partial(ask, late, month=SEPTEMBER, title="the 16th"))
    town.later(LAST_EVENING, partial(releasing.ask_and_decide, town, late, OCTOBER))
    town.later(clock(date(2026, 9, 11), 10), partial(_ask_and_be_rejected, town, rejected))
    otherwise = {(early, AUGUST), (last_minute, SEPTEMBER), (late, SEPTEMBER), (rejected, AUGUST)}
    otherwise |= {(late, OCTOBER), (closing, SEPTEMBER), (closing, OCTOBER)}
    releasing.put_on_agenda(town, {(school.account, str(month)) for school, month in otherwise})


def _ask(town: Town, school: School, now: datetime, *, month: Month, title: str) -> None:
    try:
        request = releasing.ask(town, school, month, now)
    except OutsideReleaseWindow as refusal:
        town.notes[title] = refusal
        town.notes[f"{title}, account"] = school
        return
    town.notes[title] = request.id
    town.later(next_morning(now), partial(releasing.approve, town, request.id))


def _ask_and_be_rejected(town: Town, school: School, now: datetime) -> None:
    request = releasing.ask(town, school, AUGUST, now)
    town.notes["rejected"] = [request.id]
    town.later(next_morning(now), partial(_reject, town, school, request.id))


def _reject(town: Town, school: School, request_id: int, now: datetime) -> None:
    with town.request() as db:
        releases.reject(db, request_id, reason="8月22日的签到表缺少教师签字，请补正后再报", by=OFFICER, now=now)
    town.later(datetime.combine(now.date(), time(15), SHANGHAI), partial(_ask_again, town, school))


def _ask_again(town: Town, school: School, now: datetime) -> None:
    request = releasing.ask(town, school, AUGUST, now)
    town.notes["rejected"].append(request.id)
    town.later(next_morning(now), partial(releasing.approve, town, request.id))


def told(db: Connection, town: Town) -> list[Outcome]:
    """What each request was answered, and whether its money has left."""
    rejected, again = town.notes["rejected"]
    return [
        _asked(db, town, "the 9th", zh="9日申请拨付", en="a release asked for on the 9th"),
        _asked(db, town, "the 10th", zh="10日零点申请", en="the same, on the 10th at 00:00"),
        _asked(db, town, "the 15th", zh="15日23:59申请", en="asked for on the 15th at 23:59"),
        _asked(db, town, "the 16th", zh="16日零点申请", en="asked for on the 16th at 00:00"),
        Outcome(
            zh="申请被驳回后重报",
            en="rejected, and asked again",
            answer=f"{_state(releases.get(db, rejected))}\n{_state(releases.get(db, again))}",
            money=_paid_out(db, again),
        ),
        Outcome(
            zh="银行结息与手续费",
            en="the bank's interest and fees",
            answer="\n".join(_own_lines(db)),
            money="利息记负债、费用记支出\nsee the trial balance",
        ),
    ]


def _asked(db: Connection, town: Town, title: str, *, zh: str, en: str) -> Outcome:
    answer = town.notes[title]
    if isinstance(answer, OutsideReleaseWindow):
        school: School = town.notes[f"{title}, account"]
        return Outcome(
            zh=zh,
            en=en,
            answer=f"{answer.facts['now'][:16]} 不予受理 {answer.slug}\n{answer.facts['rule']}\n"
            f"下一窗口 next：{answer.facts['next_opens'][:16]} 至\n{answer.facts['next_closes'][:16]}",
            money="\n".join(_since(db, school)),
        )
    return Outcome(zh=zh, en=en, answer=_state(releases.get(db, answer)), money=_paid_out(db, answer))


def _since(db: Connection, school: School) -> Iterator[str]:
    """What the refused institution was released in the end."""
    n = release_request.c
    query = select(release_request).where(n.institution_id == school.institution.id).order_by(n.id)
    for row in db.execute(query):
        yield f"{local(row.requested_at)} 申请 {row.period}：\n{yuan(row.amount)} {row.state}"


def _state(request: ReleaseRequest) -> str:
    decided = f"\n{request.decided_by}：{request.state}" if request.decided_by else ""
    reason = f"\n「{request.reason}」" if request.reason else ""
    asked = f"{local(request.requested_at)} 申请 {request.period}：\n{request.lessons} 课时 {yuan(request.amount)}"
    return f"{asked}{decided}{reason}"


def _paid_out(db: Connection, request_id: int) -> str:
    return "\n".join(gone(db, each) for each in payouts_of(db, "release", request_id))


def _own_lines(db: Connection) -> Iterator[str]:
    s = statement_line.c
    query = (
        select(match.c.rule, func.count().label("lines"), func.sum(s.amount).label("amount"))
        .join(statement_line, s.id == match.c.line_id)
        .where(match.c.rule.in_(("interest", "fee")), STANDS)
        .group_by(match.c.rule)
        .order_by(match.c.rule.desc())
    )
    for row in db.execute(query):
        yield f"{row.rule}：{row.lines} 行对账单流水 lines，{yuan(int(row.amount))}"
