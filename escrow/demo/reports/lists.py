"""The lists: what happened month by month, the cases, alerts, open breaks, and the figures of the whole."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table
from rich.text import Text
from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from escrow.demo.cases.outcome import Outcome
from escrow.demo.folder import CODES, KEYS
from escrow.demo.reports.layout import amount, name, right, table, words
from escrow.demo.town import Town
from escrow.demo.yuan import yuan
from escrow.enrolment.tables import bank_event, contract, payment
from escrow.monitoring.tables import alert
from escrow.payouts.tables import instruction, payout_batch, refund, release_request
from escrow.rules.months import Month
from escrow.settlement.breaks import IN_CHINESE, still_open
from escrow.settlement.tables import STANDS, break_, match, signoff, statement, statement_line
from escrow.teaching.tables import attendance, lesson
from ledger.schema import account, transfer

MONTHS: Final = tuple(Month(2026, 7).plus(n) for n in range(5))


def heading(town: Town, *, folder: Path, seed: int) -> Text:
    """What this was."""
    return Text(
        f"\n示范县：学科机构 {len(town.subject)} 家、非学科机构 {len(town.others)} 家，"
        f"2026年7月至11月，种子 seed {seed}\n"
        f"A county of {len(town.schools)} institutions, July to November 2026, lived through in {folder}/\n"
    )


def months(db: Connection) -> Table:
    """What was done in each month: signed, paid, taught, earned, released, repaid."""
    shown = table("逐月 Month by month (元 CNY)")
    name(shown, "月份")
    right(
        shown,
        "签约 signed",
        "到账 payments",
        "到账 paid-in",
        "课次 sessions",
        "课时 lessons",
        "课消 earned",
        "拨付 released",
        "退费 refunded",
    )
    a = attendance.c
    for month in MONTHS:
        signed, _ = _within(db, contract.c.signed_at, contract.c.price, month)
        paid = _within(db, payment.c.paid_at, payment.c.amount, month)
        held, _ = _within(db, lesson.c.ends_at, lesson.c.id, month)
        earned = _within(db, a.confirmed_at, a.share, month)
        released = _within(db, release_request.c.decided_at, release_request.c.amount, month, _approved())
        repaid = _within(db, refund.c.requested_at, refund.c.amount, month)
        shown.add_row(
            str(month),
            f"{signed:,}",
            f"{paid[0]:,}",
            amount(paid[1]),
            f"{held:,}",
            f"{earned[0]:,}",
            *(amount(each[1]) for each in (earned, released, repaid)),
        )
    return shown


def cases(outcomes: Sequence[Outcome]) -> Table:
    """What became of each case."""
    shown = table("个案 The cases", lines=True)
    for heading, ratio in (
        ("个案 case", 4),
        ("结果与依据 what happened, by which rule or answer", 8),
        ("钱在哪里 where the money is now", 6),
    ):
        shown.add_column(heading, ratio=ratio, overflow="fold")
    shown.expand = True
    for each in outcomes:
        shown.add_row(f"{each.zh}\n{each.en}", each.answer, each.money)
    return shown


def alerts(db: Connection, town: Town) -> Table:
    """Every alert with its rule's version and citation."""
    names = {school.institution.id: school.institution.name for school in town.schools}
    shown = table("预警 Alerts", lines=True)
    name(shown, "机构 · 合同")
    words(shown, "规则版本与依据 rule version and citation", "上限 limit", "实际 found", "状态 state")
    for row in db.execute(select(alert).order_by(alert.c.id)):
        shown.add_row(
            f"{names[row.institution_id].removesuffix('培训中心')} …{(row.contract_id or 0) % 10_000:04d}",
            f"{row.version}\n{row.citation['title']} {row.citation['number']}",
            row.limit_text,
            row.found_text,
            f"{row.state}\n{row.owner or ''} 见 {row.seen} 次",
        )
    return shown


def breaks(db: Connection, town: Town) -> Table:
    """What bank and books do not agree on yet, with owner and due day."""
    names = {school.account: school.institution.name.removesuffix("培训中心") for school in town.schools}
    ever = db.execute(select(func.count()).select_from(break_)).scalar_one()
    found = still_open(db)
    shown = table(
        "未决差异 Breaks still open",
        caption=f"共发现 {ever} 项，已解释 {ever - len(found)} 项 found {ever}, closed {ever - len(found)}",
    )
    name(shown, "机构")
    words(shown, "类别 kind", "说明 detail", "责任人 owner")
    name(shown, "限期 due")
    right(shown, "金额 amount")
    for each in found:
        kind = f"{IN_CHINESE.get(each.kind, '')} {each.kind}"
        shown.add_row(names[each.account], kind, each.detail, each.owner, each.due_on.isoformat(), yuan(each.amount))
    return shown


def figures(db: Connection, town: Town, *, folder: Path, seconds: int) -> Text:
    """How much of everything there was, and what to try next."""
    return Text("\n".join(_figures(db, town, folder=folder, seconds=seconds)) + "\n")


def _figures(db: Connection, town: Town, *, folder: Path, seconds: int) -> Iterator[str]:
    def count(of: FromClause) -> str:
        return f"{db.execute(select(func.count()).select_from(of)).scalar_one():,}"

    rules = db.execute(
        select(match.c.rule, func.count()).where(STANDS).group_by(match.c.rule).order_by(match.c.rule)
    ).all()
    matched = "、".join(f"{rule} {n:,}" for rule, n in rules)
    yield f"合同 contracts {count(contract)}，到账 payments {count(payment)}，课次 sessions {count(lesson)}，"
    yield f"课时 lessons {count(attendance)}，账户 ledger accounts {count(account)}，记账 transfers {count(transfer)}"
    yield f"银行通知 notifications {count(bank_event)}，送达 heard {town.heard.total():,} 次"
    yield f"对账单 statements {count(statement)}，流水 lines {count(statement_line)}，核对 matched by：{matched}"
    last = db.execute(select(func.max(signoff.c.day))).scalar()
    yield f"日终签核 signed off：{count(signoff)} 户 accounts，至 up to {last}"
    rejected = len(town.refused)
    yield f"付款文件 payout files {count(payout_batch)}，指令 payouts {count(instruction)}，拒付 rejected {rejected}"
    first = "、".join(each.reference for each in town.orders[:2])
    yield f"付款码 codes of the first orders：{folder / CODES}（{first} …）"
    yield f"接口密钥 keys：{folder / KEYS}；escrow serve --dir {folder}"
    yield f"用时 lived through in {seconds} s"


def _within(
    db: Connection, at: ColumnElement[Any], summed: ColumnElement[int], month: Month, *where: ColumnElement[bool]
) -> tuple[int, int]:
    """How many rows have their instant in a local month, and the sum of a column over them."""
    query = select(func.count(), func.coalesce(func.sum(summed), 0)).where(at >= month.start, at < month.end, *where)
    counted, total = db.execute(query).one()
    return int(counted), int(total)


def _approved() -> ColumnElement[bool]:
    return release_request.c.state == "approved"
