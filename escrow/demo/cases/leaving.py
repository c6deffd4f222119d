"""Money back to families: a refund, one that the bank is slow to pay, and an institution that closes."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

import ledger.accounts
from escrow.demo import banking, enrolling, releasing
from escrow.demo.agenda import clock
from escrow.demo.cases.outcome import Outcome, gone, money_of, payments_of, payouts_of, seen_on
from escrow.demo.county import Family
from escrow.demo.town import OFFICER, SECOND, Class, Enrolled, School, Town
from escrow.demo.yuan import yuan
from escrow.payouts import closures, refunds
from escrow.payouts.refunds import Refund
from escrow.payouts.release_drafts import FamiliesFirst
from escrow.payouts.tables import closure, instruction, refund, release_request
from escrow.refusals import FourEyes
from escrow.rules.months import Month

SIGNED: Final = date(2026, 7, 28)
SIGNED_FOR_TERM: Final = date(2026, 8, 20)
LEAVES: Final = clock(date(2026, 9, 16), 11)
LEAVES_LATE: Final = clock(date(2026, 11, 11), 16, 30)
SLOW_BANK: Final = clock(date(2026, 11, 17), 10)
"""When the bank takes the file of half an hour later; the last statement ends the day before."""

FREEZE: Final = clock(date(2026, 10, 12), 9, 30)
ASKED_TOO_EARLY: Final = clock(date(2026, 10, 14), 10)
APPROVED: Final = clock(date(2026, 10, 16), 14)
ASKED_AT_LAST: Final = clock(date(2026, 11, 11), 10)

_KINDS: Final = {"release": "拨付 releases", "refund": "退费 refunds", "return": "退回 returns"}


def put_on_agenda(town: Town) -> None:
    """Two families leave, one institution closes in the third month of teaching."""
    for title, school, signed, leaves in (
        ("refund", town.others[1], SIGNED, LEAVES),
        ("slow refund", town.subject[1], SIGNED_FOR_TERM, LEAVES_LATE),
    ):
        enrol = partial(_enrol, town, school.classes[0], town.people.family(steady=True), title=title, leaves=leaves)
        town.later(clock(signed, 14), enrol)
    slow = partial(banking.send_payouts, town, delivered=SLOW_BANK)
    town.later(LEAVES_LATE + timedelta(minutes=30), slow)
    closing = town.others[-1]
    town.later(FREEZE, partial(_freeze, town, closing))
    town.later(ASKED_TOO_EARLY, partial(_ask_too_early, town, closing))
    town.later(APPROVED, partial(_approve, town))
    town.later(ASKED_AT_LAST, partial(releasing.ask_and_decide, town, closing, Month(2026, 10)))


def _enrol(town: Town, klass: Class, family: Family, now: datetime, *, title: str, leaves: datetime) -> None:
    enrolled = enrolling.sign(town, klass, family, now)
    order = enrolling.place(town, enrolled, now)
    town.later(now + timedelta(minutes=45), partial(banking.pay, town, enrolled, order))
    town.later(leaves, partial(_leave, town, enrolled, title=title))


def _leave(town: Town, enrolled: Enrolled, now: datetime, *, title: str) -> None:
    with town.request() as db:
        asked = refunds.ask(db, enrolled.contract.id, rulebook=town.rulebook, by=enrolled.guardian, now=now)
    town.notes[title] = (asked.id, enrolled.family.payer_account)
    enrolled.klass.roll.remove(enrolled)


def _freeze(town: Town, school: School, now: datetime) -> None:
    with town.request() as db:
        frozen = closures.freeze(
            db, school.institution.id, reason="场馆停业，负责人失联；接家长投诉后核实", by=OFFICER, now=now
        )
        town.notes["roster"] = [each.amount for each in closures.roster(db, frozen.id)]
    town.notes["closure"] = frozen.id
    school.is_teaching = False


def _ask_too_early(town: Town, school: School, now: datetime) -> None:
    try:
        releasing.ask(town, school, Month(2026, 9), now)
    except FamiliesFirst as refusal:
        town.notes["families first"] = refusal


def _approve(town: Town, now: datetime) -> None:
    """The officer who froze may not approve; another does, and every family is repaid in one act."""
    closure_id = town.notes["closure"]
    try:
        with town.request() as db:
            closures.approve(db, closure_id, rulebook=town.rulebook, by=OFFICER, now=now)
    except FourEyes as refusal:
        town.notes["own closure"] = refusal
    with town.request() as db:
        closures.approve(db, closure_id, rulebook=town.rulebook, by=SECOND, now=now + timedelta(minutes=20))


def told(db: Connection, town: Town) -> list[Outcome]:
    """Who was repaid what, and whether it has left."""
    return [
        _refunded(db, town, "refund", zh="退费", en="a refund"),
        _refunded(db, town, "slow refund", zh="银行迟未付出的退费", en="a refund that the bank was slow to pay"),
        Outcome(
            zh="机构第三个月停业",
            en="an institution that closes in the third month",
            answer="\n".join(_closing(db, town)),
            money="\n".join(_after_closing(db, town)),
        ),
    ]


def _refunded(db: Connection, town: Town, title: str, *, zh: str, en: str) -> Outcome:
    refund_id, payer_account = town.notes[title]
    row = db.execute(select(refund).where(refund.c.id == refund_id)).one()
    out = payouts_of(db, "refund", refund_id)
    payers = {each.payer_account for each in payments_of(db, payer_account)}
    original = all(each.creditor_account in payers for each in out)
    words = [
        f"应退 {yuan(row.amount)}，暂留未确认课时 held back {yuan(row.held_back)}",
        row.rule,
        f"原路退回 to the original payer：{'是 yes' if original else '否 no'} {_masked(out[0].creditor_account)}",
        *(gone(db, each) for each in out),
    ]
    return Outcome(zh=zh, en=en, answer="\n".join(words), money=money_of(db, row.contract_id))


def _closing(db: Connection, town: Town) -> Iterator[str]:
    row = db.execute(select(closure).where(closure.c.id == town.notes["closure"])).one()
    yield f"{row.requested_by}冻结 froze it：\n「{row.reason}」"
    roster = [fen for fen in town.notes["roster"] if fen]
    yield f"审核名册 roster：{len(roster)} 份合同 {yuan(sum(roster))}"
    yield f"期间申请拨付被拒 {town.notes['families first'].slug}（民促法第五十九条）"
    yield f"{row.requested_by}自批被拒 {town.notes['own closure'].slug}；{row.approved_by}批准 approved"
    found = [Refund(**each._asdict()) for each in db.execute(select(refund).where(refund.c.closure_id == row.id))]
    yield f"退费 refunds {len(found)} 笔 {yuan(sum(each.amount for each in found))}"
    yield _days(db, found)


def _days(db: Connection, found: Sequence[Refund]) -> str:
    paid = [each for one in found for each in payouts_of(db, "refund", one.id)]
    seen = {seen_on(db, instruction_id=each.id) for each in paid}
    files = {each.batch_id for each in paid}
    days = "、".join(str(day) if day else "未付出 not yet" for day in sorted(seen, key=str))
    return f"{len(files)} 个付款文件 payout file；对账单 {days} 已见付出 seen leaving"


def _after_closing(db: Connection, town: Town) -> Iterator[str]:
    school = town.others[-1]
    i = instruction.c
    query = (
        select(i.kind, i.state, func.count().label("payouts"), func.sum(i.amount).label("amount"))
        .where(i.supervised_account == school.account)
        .group_by(i.kind, i.state)
        .order_by(i.kind, i.state)
    )
    for row in db.execute(query):
        yield f"{_KINDS[row.kind]} {row.state}：{row.payouts} 笔 {yuan(int(row.amount))}"
    last = (
        select(release_request)
        .where(release_request.c.institution_id == school.institution.id)
        .order_by(release_request.c.id.desc())
    )
    request = db.execute(last).first()
    if request is not None:
        yield f"退费之后才拨付 released afterwards：\n{request.period} {yuan(request.amount)} {request.state}"
    book = ledger.accounts.find(db, [f"bank/{school.account}"])[f"bank/{school.account}"]
    yield f"账户余额 left in the account {yuan(book.balance)}"


def _masked(account: str) -> str:
    return f"{account[:4]}****{account[-4:]}"
