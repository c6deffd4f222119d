"""Payments that go wrong: paid twice, told six times, never told, without a reference, a fen short."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from escrow.bank.sandbox import Fault
from escrow.demo import banking, enrolling
from escrow.demo.agenda import clock
from escrow.demo.cases.outcome import Outcome, gone, local, money_of, payments_of, payouts_of, seen_on
from escrow.demo.county import Family
from escrow.demo.town import OFFICER, SECOND, Class, Enrolled, Town
from escrow.demo.yuan import yuan
from escrow.enrolment import payments
from escrow.enrolment.orders import Order
from escrow.enrolment.payments import Payment
from escrow.enrolment.placing import IN_CHINESE
from escrow.enrolment.tables import bank_event, payment
from escrow.payouts import suspense
from escrow.payouts.tables import suspense_decision
from escrow.refusals import FourEyes
from ledger.reading import by_reference

DAY: Final = date(2026, 7, 20)
REPEATS: Final = 5
STRAY: Final = clock(date(2026, 11, 13), 19)

Pay = Callable[[Town, Enrolled, Order, datetime], None]


def put_on_agenda(town: Town) -> None:
    """Five families of five institutions."""
    deeds: tuple[tuple[str, Pay], ...] = (
        ("short", _a_fen_short),
        ("twice", _twice),
        ("repeated", _told_again_and_again),
        ("dropped", _never_told),
        ("unnamed", _without_reference),
    )
    for number, (title, pay) in enumerate(deeds):
        family = town.people.family(steady=True)
        town.notes[title] = family.payer_account
        deed = partial(_sign_and, town, town.others[number].classes[0], family, pay=pay)
        town.later(clock(DAY + timedelta(days=number), 10, 10 * number), deed)
    town.notes["stray"] = town.people.family().payer_account
    town.later(STRAY, partial(_stray, town))


def _sign_and(town: Town, klass: Class, family: Family, now: datetime, *, pay: Pay) -> None:
    enrolled = enrolling.sign(town, klass, family, now)
    pay(town, enrolled, enrolling.place(town, enrolled, now), now)


def _stray(town: Town, now: datetime) -> None:
    """Somebody whom nobody knows pays a round sum; nobody has found out whose it is when the demonstration ends."""
    town.bank.pay(
        account=town.others[4].account,
        amount_minor=30_000,
        payer="钱进",
        payer_account=town.notes["stray"],
        remark="订金",
        at=now,
    )


def _twice(town: Town, enrolled: Enrolled, order: Order, now: datetime) -> None:
    """Father and mother both scan the code; the second payment goes back."""
    for minutes in (20, 55):
        town.later(now + timedelta(minutes=minutes), partial(banking.pay, town, enrolled, order))
    back = partial(_decide_suspense, town, enrolled, reason="同一订单重复支付，退回付款人")
    town.later(clock(now.date() + timedelta(days=1), 10), back)


def _told_again_and_again(town: Town, enrolled: Enrolled, order: Order, now: datetime) -> None:
    fault = Fault(repeat=REPEATS)
    town.later(now + timedelta(minutes=20), partial(banking.pay, town, enrolled, order, fault=fault))


def _never_told(town: Town, enrolled: Enrolled, order: Order, now: datetime) -> None:
    fault = Fault(drop=True)
    town.later(now + timedelta(minutes=20), partial(banking.pay, town, enrolled, order, fault=fault))


def _without_reference(town: Town, enrolled: Enrolled, order: Order, now: datetime) -> None:
    """A transfer by hand, the order's number forgotten; payer and amount tell whose it is."""
    town.later(now + timedelta(minutes=20), partial(banking.pay, town, enrolled, order, named=False))
    reason = f"付款人与金额均与{enrolled.family.student}的合同一致，家长来电确认"
    assign = partial(_decide_suspense, town, enrolled, reason=reason, contract_id=enrolled.contract.id)
    town.later(clock(now.date() + timedelta(days=1), 10), assign)


def _a_fen_short(town: Town, enrolled: Enrolled, order: Order, now: datetime) -> None:
    """A fen too little goes back; two hours later the family pays the same order rightly."""
    short = partial(banking.pay, town, enrolled, order, amount=order.amount - 1)
    town.later(now + timedelta(minutes=20), short)
    town.later(now + timedelta(minutes=140), partial(banking.pay, town, enrolled, order))
    back = partial(_decide_suspense, town, enrolled, reason="金额与订单不符，退回后按订单重付")
    town.later(clock(now.date() + timedelta(days=1), 10), back)


def _decide_suspense(
    town: Town, enrolled: Enrolled, now: datetime, *, reason: str, contract_id: int | None = None
) -> None:
    """One officer works off the list and proposes; approving it too is refused; in the afternoon another approves."""
    with town.request() as db:
        waiting = payments.in_suspense(db, enrolled.account)
        found = next(each for each in waiting if each.payer_account == enrolled.family.payer_account)
        proposal = suspense.propose(db, found.id, contract_id=contract_id, reason=reason, by=OFFICER, now=now)
    try:
        with town.request() as db:
            suspense.approve(db, proposal.id, by=OFFICER, now=now)
    except FourEyes as refusal:
        town.notes["own proposal"] = refusal
    town.later(now + timedelta(hours=5), partial(_approve, town, proposal.id))


def _approve(town: Town, proposal_id: int, now: datetime) -> None:
    with town.request() as db:
        suspense.approve(db, proposal_id, by=SECOND, now=now)


def told(db: Connection, town: Town) -> list[Outcome]:
    """What became of each payment."""
    tellers: tuple[tuple[str, str, str, Callable[[list[Payment]], str]], ...] = (
        ("twice", "一个订单付了两次", "an order paid twice", lambda came: _sent_back(db, came[1])),
        (
            "repeated",
            "一条通知重发五次",
            "a notification repeated five times",
            lambda came: _told_often(db, town, came[0]),
        ),
        ("dropped", "一条通知丢失", "a notification dropped", lambda came: _found_on_statement(db, came[0])),
        ("unnamed", "付款未写订单号", "a payment with no reference", lambda came: _assigned(db, came[0])),
        ("short", "少付一分钱", "a payment one fen short", lambda came: _sent_back(db, came[0], came[1])),
        ("stray", "来路不明的款项", "money that nobody knows", lambda came: _parked(came[0])),
    )
    outcomes = []
    for title, zh, en, answer in tellers:
        came = payments_of(db, town.notes[title])
        outcomes.append(Outcome(zh=zh, en=en, answer=answer(came), money=_money(db, came)))
    return outcomes


def _money(db: Connection, came: list[Payment]) -> str:
    contracts = {each.contract_id for each in came if each.contract_id}
    parked = {
        "suspense": "仍暂存 in suspense",
        "returning": "退回途中 on its way back",
        "returned": "已退回付款人 sent back",
    }
    others = [f"{parked[each.state]} {yuan(each.amount)}" for each in came if each.state in parked]
    return "\n".join([money_of(db, each) for each in contracts] + others)


def _placed(each: Payment) -> str:
    how = "入合同 placed" if each.state == "placed" else each.state
    return f"{local(each.paid_at)} 付 {yuan(each.amount)}，{how}"


def _sent_back(db: Connection, each: Payment, again: Payment | None = None) -> str:
    back = "\n".join(gone(db, payout) for payout in payouts_of(db, "return", each.id))
    repeated = f"\n重付 again：{_placed(again)}" if again else ""
    return f"{_parked(each)}\n{_decided(db, each)}\n退回 sent back {back}{repeated}"


def _assigned(db: Connection, each: Payment) -> str:
    return f"{_parked(each)}\n{_decided(db, each)}\n转入合同 assigned：{_placed(each)}"


def _parked(each: Payment) -> str:
    return f"{yuan(each.amount)} 暂存 suspense\n{IN_CHINESE.get(each.reason, '')} {each.reason}"


def _decided(db: Connection, each: Payment) -> str:
    row = db.execute(select(suspense_decision).where(suspense_decision.c.payment_id == each.id)).one()
    return f"{row.proposed_by}提出，{row.decided_by}批准 four eyes"


def _told_often(db: Connection, town: Town, each: Payment) -> str:
    kept = db.execute(
        select(bank_event.c.webhook_id).where(bank_event.c.body.contains(f'"{each.serial}"', autoescape=True))
    ).scalars()
    sent = sum(town.heard[webhook_id] for webhook_id in kept)
    books = len(by_reference(db, [f"payment/{each.supervised_account}/{each.serial}"]))
    same = select(func.count()).where(payment.c.serial == each.serial)
    return (
        f"送达 {sent} 次 heard；到账 {db.execute(same).scalar_one()} 笔 payment，记账 {books} 笔 transfer\n"
        f"首次即 {_placed(each)}"
    )


def _found_on_statement(db: Connection, each: Payment) -> str:
    return (
        f"{_placed(each)}\n"
        f"{local(each.recorded_at)} 导入对账单时入账（来源 source：{each.source}）\n"
        f"对账单流水 {seen_on(db, payment_id=each.id)}"
    )
