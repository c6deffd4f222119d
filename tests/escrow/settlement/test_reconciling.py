"""The bank's day with its real files: every line matched, booked or on the list, and the proof of cash at zero."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select, text, update

from escrow.bank.sandbox import Fault, SandboxBank
from escrow.bank.sandbox.bank import StatementFormat
from escrow.db import transaction
from escrow.enrolment import contracts, payments
from escrow.enrolment.payments import Payment
from escrow.enrolment.tables import payment as payment_table
from escrow.payouts import batches, refunds, releases, suspense
from escrow.settlement import breaks, cash, proposals, reconciling
from escrow.settlement.proposal_sides import Chosen
from escrow.settlement.statements import NotSupervised
from escrow.settlement.tables import match, statement_line
from escrow.teaching import confirmations
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    balances,
    breaches,
    credit,
    family,
    order,
    receive,
    requested,
    school,
    signed,
    teach,
    unguarded,
    until_somebody_waits,
)
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.conftest import Day
from tests.reconciliation.bank_files import OLD_HEADER, corporate

JULY, SEPTEMBER = date(2026, 7, 1), date(2026, 9, 30)


def accounted(db: Connection, account: str) -> bool:
    """Every line of the account is matched or booked, or stands on the list of breaks."""
    lines = set(db.execute(select(statement_line.c.id).where(statement_line.c.account == account)).scalars())
    matched = set(db.execute(select(match.c.line_id)).scalars())
    listed = {each.line_id for each in breaks.still_open(db, account)}
    return lines <= matched | listed and not matched & listed


def small_month(day: Day) -> None:
    """Two families pay (one word of the bank is lost), a stranger too; a lesson is released, a contract repaid."""
    db, of = day.db, day.of
    child = family(db, 1)
    contract, other = signed(db, of, child), signed(db, of, family(db, 2))
    day.pay(order(db, contract), at(7, 21, 13))
    day.pay(order(db, other), at(7, 21, 13, 30), fault=Fault(drop=True))
    day.bank.pay(account=of.account, amount_minor=5000, payer="赵四", payer_account="6223", remark="学费", at=at(7, 22))
    assert day.hear(at(7, 22)) == ["booked", "parked"]
    lesson = teach(db, of, [contract], on=(8, 3))
    confirmations.confirm(db, lesson, contract.id, by=child.caller, now=at(8, 3, 18))
    releases.approve(db, requested(db, of).id, by=BUREAU, now=at(9, 11))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(9, 11))
    day.send(at(9, 11, 15))
    day.bank.pay_interest(of.account, 123, at=at(9, 21, 3))
    day.bank.charge_fee(of.account, 23, at=at(9, 21, 4))


BOOKS_AFTER = {
    "bank/6200000001": 105100,
    "bank/6200000001/suspense": 5000,
    "bank/6200000001/interest": 123,
    "bank/6200000001/fees": 23,
    "the second contract's prepaid": 100000,
}


def books(db: Connection) -> dict[str, int]:
    """The balances, the one contract that still holds money under a name of its own."""
    return {
        "the second contract's prepaid" if path.startswith("contract/") else path: balance
        for path, balance in balances(db).items()
    }


def test_an_account_that_nobody_registered_is_refused_and_not_called_settled(db: Connection) -> None:
    with pytest.raises(NotSupervised, match="6200000009"):
        reconciling.reconcile(db, "6200000009", by=BUREAU, now=at(8, 1))


@pytest.mark.parametrize("form", ["camt.053", "icbc-csv"])
def test_a_small_month_is_reconciled_to_the_fen_whatever_the_files_form(day: Day, form: StatementFormat) -> None:
    small_month(day)
    (imported,) = day.take(JULY, SEPTEMBER, form=form)
    found = day.reconcile()

    assert (imported.lines, imported.fresh, imported.closing) == (7, 7, 105100)
    assert (found.matched, found.booked) == (
        {"serial": 2, "reference": 2},
        {"interest": 1, "fee": 1, "credit": 1},
    )
    assert found.open == [], "the payment whose notification was lost is found and on its contract"
    assert books(day.db) == BOOKS_AFTER
    proof = cash.prove(day.db, day.of.account)
    assert (proof.unexplained.minor, proof.statement_balance.minor) == (0, day.bank.balance(day.of.account))
    assert proof.differences == ()
    assert accounted(day.db, day.of.account)
    assert breaches(day.db) == []


def test_without_serials_and_balances_what_is_known_is_matched_and_the_rest_is_listed(day: Day) -> None:
    """ICBC's newer layout: a credit that was never notified cannot be told from one that will be."""
    small_month(day)
    day.take(JULY, SEPTEMBER, form="icbc-csv-new")
    found = day.reconcile()

    assert found.booked == {"interest": 1, "fee": 1}
    assert [(each.kind, each.amount) for each in found.open] == [("not_in_books", 100000)]
    assert accounted(day.db, day.of.account)
    assert breaches(day.db) == []


def test_the_same_and_overlapping_statements_book_nothing_twice(day: Day) -> None:
    small_month(day)
    (first,) = day.take(JULY, SEPTEMBER)
    day.reconcile()
    (again,) = day.take(JULY, SEPTEMBER)
    overlapping: tuple[tuple[date, date, StatementFormat], ...] = (
        (JULY, date(2026, 7, 31), "camt.053"),
        (date(2026, 7, 22), SEPTEMBER, "camt.053"),
        (JULY, SEPTEMBER, "icbc-csv"),
        (date(2026, 9, 1), date(2026, 10, 1), "camt.053"),
    )
    fresh = [day.take(begins, ends, form=form)[0].fresh for begins, ends, form in overlapping]
    assert (again.id, again.fresh, fresh) == (first.id, 0, [0, 0, 0, 0])
    found = day.reconcile()
    assert (found.matched, found.booked, found.open) == ({}, {}, [])
    assert books(day.db) == BOOKS_AFTER
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0
    assert breaches(day.db) == []


def test_month_by_month_gives_the_same_books_as_all_at_once(day: Day) -> None:
    small_month(day)
    for begins, ends in (
        (JULY, date(2026, 7, 31)),
        (date(2026, 8, 1), date(2026, 8, 31)),
        (date(2026, 9, 1), SEPTEMBER),
    ):
        day.take(begins, ends)
        day.reconcile()
        assert cash.prove(day.db, day.of.account).unexplained.minor == 0
    assert books(day.db) == BOOKS_AFTER


def test_a_notification_after_the_statement_books_nothing_again(day: Day) -> None:
    placed = order(day.db, signed(day.db, day.of, family(day.db)))
    serial = day.pay(placed, at(7, 21, 13))
    day.take(JULY, date(2026, 7, 31))
    assert day.reconcile().booked == {"credit": 1}
    assert day.hear(at(8, 1)) == ["repeated"]
    (payment,) = payments.of_contract(day.db, [placed.contract_id])
    assert (payment.serial, payment.source) == (serial, "statement")
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0


def test_money_notified_and_never_on_the_statement_is_a_break_until_it_appears(day: Day) -> None:
    first = '8001,{a},6222,2026-10-08 09:01:02,贷,,500.00,,转账,学费,张三,"500.00",'
    late = '8002,{a},6223,2026-10-09 00:10:00,贷,,700.00,,转账,学费,李四,"1,200.00",'
    notified = [
        credit("", 50000, serial="8001", paid_at=at(10, 8)),
        credit("", 70000, serial="8002", paid_at=at(10, 8)),
    ]
    receive(day.db, *notified, now=at(10, 8))
    day.take_file(corporate(OLD_HEADER, [first], account=day.of.account), now=at(10, 9))
    found = day.reconcile(at(10, 9))
    assert [(each.kind, each.amount, each.due_on) for each in found.open] == [
        ("not_on_statement", 70000, date(2026, 10, 10))  # a Saturday, worked for the National Day
    ]
    proof = cash.prove(day.db, day.of.account)
    assert [(each.name, each.amount.minor) for each in proof.differences] == [("已通知、对账单尚无", -70000)]
    assert proof.unexplained.minor == 0

    day.take_file(corporate(OLD_HEADER, [late], account=day.of.account), now=at(10, 10))
    assert day.reconcile(at(10, 10)).open == []
    assert cash.prove(day.db, day.of.account).differences == ()
    assert breaks.still_open(day.db) == []
    assert breaches(day.db) == []


def test_a_payout_that_the_bank_made_twice_is_a_break_and_stays_the_same_one(day: Day) -> None:
    small_month(day)
    _insert_twin_payout(day.bank)
    day.take(JULY, SEPTEMBER)
    first, again = day.reconcile(at(10, 1)).open, day.reconcile(at(10, 20)).open

    assert [(each.kind, each.amount) for each in first] == [("duplicate", -33333)]
    assert again == first, "found again it keeps its kind and its first due day"
    proof = cash.prove(day.db, day.of.account)
    assert [(each.amount.minor, each.name) for each in proof.differences] == [(-33333, "对账单有、账上无")]
    assert proof.unexplained.minor == 0
    assert accounted(day.db, day.of.account)
    assert breaches(day.db) == []


def test_a_payout_that_does_not_leave_within_two_working_days_is_a_break(day: Day) -> None:
    db = day.db
    contract = signed(db, day.of, family(db))
    day.pay(order(db, contract), at(7, 21, 13))
    day.hear(at(7, 21, 14))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(7, 22))
    batch = batches.make(db, by=BUREAU, now=at(7, 22))
    day.take(JULY, date(2026, 7, 23))
    assert day.reconcile().open == []
    day.take(date(2026, 7, 24), date(2026, 7, 24))
    assert [(each.kind, each.amount) for each in day.reconcile().open] == [("not_on_statement", -100000)]
    day.bank.deliver(batches.file_of(db, batch.id), at=at(7, 25))
    day.take(date(2026, 7, 25), date(2026, 7, 25))
    assert day.reconcile().open == []
    assert balances(db) == {}
    assert breaches(db) == []


def test_a_refund_that_comes_back_is_owed_to_the_family_again(day: Day) -> None:
    db = day.db
    contract = signed(db, day.of, family(db))
    day.pay(order(db, contract), at(7, 21, 13))
    day.hear(at(7, 21, 14))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(7, 22))
    day.send(at(7, 22))
    (end_to_end,) = db.execute(text("SELECT end_to_end FROM payout_instruction")).scalars()
    day.bank.bounce(end_to_end, at=at(7, 23))
    day.take(JULY, date(2026, 7, 31))
    found = day.reconcile()

    assert (found.open, found.booked) == ([], {"payout": 1})
    assert payments.in_suspense(db) == []
    assert balances(db) == {"bank/6200000001": 100000, contract.refund_path: 100000}
    assert cash.prove(db, day.of.account).unexplained.minor == 0
    assert breaches(db) == []


def test_a_return_that_leaves_the_bank_empties_suspense(day: Day) -> None:
    day.bank.pay(
        account=day.of.account, amount_minor=5000, payer="赵四", payer_account="6223", remark="学费", at=at(7, 22)
    )
    day.hear(at(7, 22, 13))
    (parked,) = payments.in_suspense(day.db)
    proposal = suspense.propose(day.db, parked.id, contract_id=None, reason="误汇", by=BUREAU, now=at(7, 23))
    suspense.approve(day.db, proposal.id, by=SECOND, now=at(7, 23))
    day.send(at(7, 23))
    day.take(JULY, date(2026, 7, 31))

    assert day.reconcile().open == []
    assert balances(day.db) == {}
    assert _payment(day.db).state == "returned"
    assert breaches(day.db) == []


def test_two_lines_under_one_serial_book_once_and_the_second_is_a_break(day: Day) -> None:
    """Voucher numbers are not unique at every bank; the books never guess, and nothing stops the import."""
    rows = [
        '8001,{a},6222,2026-10-08 09:01:02,贷,,500.00,,转账,学费,张三,"500.00",',
        '8001,{a},6222,2026-10-08 09:01:03,贷,,500.00,,转账,学费,张三,"1,000.00",',
    ]
    receive(day.db, credit("", 70000, serial="8002", paid_at=at(10, 8)), now=at(10, 8))
    rows.append('8002,{a},6222,2026-10-08 10:00:00,贷,,700.00,,转账,学费,张三,"1,700.00",')
    rows.append('8002,{a},6222,2026-10-08 11:00:00,贷,,700.00,,转账,学费,张三,"2,400.00",')
    day.take_file(corporate(OLD_HEADER, rows, account=day.of.account), now=at(10, 9))
    found = day.reconcile(at(10, 9))

    assert [(each.kind, each.amount) for each in found.open] == [("duplicate", 50000), ("duplicate", 70000)]
    assert found.booked == {"credit": 1}
    assert balances(day.db)["bank/6200000001"] == 120000
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0
    assert accounted(day.db, day.of.account)
    assert day.reconcile(at(10, 10)).open == found.open
    assert breaches(day.db) == []


def test_an_amount_that_contradicts_what_was_notified_is_a_conflict(day: Day) -> None:
    receive(day.db, credit("", 40000, serial="8001", paid_at=at(10, 8)), now=at(10, 8))
    row = '8001,{a},6222,2026-10-08 09:01:02,贷,,500.00,,转账,学费,张三,"500.00",'
    day.take_file(corporate(OLD_HEADER, [row], account=day.of.account), now=at(10, 9))
    found = day.reconcile(at(10, 9))
    assert sorted((each.kind, each.amount) for each in found.open) == [("conflict", 50000), ("not_on_statement", 40000)]
    assert balances(day.db)["bank/6200000001"] == 40000
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0


def test_a_line_that_names_two_payments_of_ours_is_money_in_suspense(day: Day) -> None:
    first, second = (order(day.db, signed(day.db, day.of, family(day.db, number))) for number in (1, 2))
    told = [credit(each.reference, serial=f"N{each.id}", paid_at=at(7, 21, 13)) for each in (first, second)]
    receive(day.db, *told)
    row = f'9001,{{a}},6222,2026-07-21 13:00:00,贷,,10.00,,转账,{first.reference} {second.reference},张三,"10.00",'
    day.take_file(corporate(OLD_HEADER, [row], account=day.of.account))
    found = day.reconcile()
    assert found.booked == {"credit": 1}
    assert {each.kind for each in found.open} == {"not_on_statement"}
    assert balances(day.db)["bank/6200000001/suspense"] == 1000


def test_an_unmatched_line_changed_afterwards_shows_in_the_proof(day: Day) -> None:
    small_month(day)
    _insert_twin_payout(day.bank)
    day.take(JULY, SEPTEMBER)
    (listed,) = day.reconcile().open
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0
    unguarded(day.db, "statement_line")
    line = statement_line.c
    day.db.execute(update(statement_line).where(line.id == listed.line_id).values(amount=line.amount + 1))
    assert cash.prove(day.db, day.of.account).unexplained.minor == -1


def test_a_file_without_balances_before_the_first_with_them_does_not_spoil_the_proof(day: Day) -> None:
    for amount, on, fault in ((500, (6, 20), Fault(drop=True)), (900, (7, 2), None), (100, (7, 8), None)):
        day.bank.pay(
            account=day.of.account,
            amount_minor=amount,
            payer="x",
            payer_account="1",
            remark="",
            at=at(*on),
            fault=fault,
        )
    day.hear(at(7, 8))
    day.take(JULY, date(2026, 7, 5), form="icbc-csv-new")
    day.take(date(2026, 7, 6), date(2026, 7, 31))
    day.reconcile()
    proof = cash.prove(day.db, day.of.account)
    assert [(each.name, each.amount.minor) for each in proof.differences] == [("首期对账单之前已有余额", 500)]
    assert (proof.unexplained.minor, proof.ledger_balance.minor) == (0, 1000)


def test_an_account_that_was_in_use_before_its_supervision_brings_its_balance_in_by_name(day: Day) -> None:
    day.bank.pay(account=day.of.account, amount_minor=900, payer="x", payer_account="1", remark="", at=at(7, 2))
    day.take(date(2026, 7, 6), date(2026, 7, 31))
    day.reconcile()
    proof = cash.prove(day.db, day.of.account)
    assert [(each.name, each.amount.minor) for each in proof.differences] == [("首期对账单之前已有余额", 900)]
    assert proof.unexplained.minor == 0
    assert "900" in str(proof).replace(".", "")


def test_another_schools_account_is_left_alone(day: Day) -> None:
    other = school(day.db, 2)
    receive(day.db, credit("", 500, account=other.account, serial="x"))
    small_month(day)
    day.take(JULY, SEPTEMBER)
    assert day.reconcile().open == []
    lines = select(func.count()).select_from(statement_line).where(statement_line.c.account == other.account)
    assert day.db.execute(lines).scalar_one() == 0
    assert breaches(day.db) == []


def test_a_reconciliation_and_the_late_word_about_the_same_payments_wait_for_each_other(
    postgres_engine: Engine, tmp_path: Path
) -> None:
    """Both want contracts and the bank's account; whoever takes the account first would wait for ever."""
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        with transaction(postgres_engine) as db:
            of = school(db)
            bank.open_account(of.account, of.institution.name)
            day = Day(db=db, of=of, bank=bank)
            bank.pay_interest(of.account, 1, at=at(7, 20))
            orders = [order(db, signed(db, of, family(db, number))) for number in range(1, 9)]
            serials = [day.pay(each, at(7, 21, 13)) for each in orders]
            day.take(JULY, date(2026, 7, 31))
        told = [credit(each.reference, serial=serial) for each, serial in zip(orders, serials, strict=True)]

    def reconcile() -> int:
        with transaction(postgres_engine) as db:
            return len(reconciling.reconcile(db, of.account, by=BUREAU, now=at(8, 1)).open)

    with ThreadPoolExecutor(1) as threads:
        with transaction(postgres_engine) as db:
            contracts.by_id(db, [each.contract_id for each in orders], lock=True)
            reconciled = threads.submit(reconcile)
            until_somebody_waits(db)
            assert {each.status for each in receive(db, *told, now=at(8, 1))} == {"booked"}
        assert reconciled.result(30) == 0
    with transaction(postgres_engine) as db:
        assert reconciling.reconcile(db, of.account, by=BUREAU, now=at(8, 2)).open == []
        assert balances(db)["bank/6200000001"] == 800001
        assert breaches(db) == []


def _insert_twin_payout(bank: SandboxBank) -> None:
    """The bank executes the release a second time, under a serial of its own: its mistake, not ours."""
    bank.connection.execute(
        "INSERT INTO lines SELECT (SELECT max(seq) FROM lines) + 1, serial || '9', account,"
        " (SELECT max(booked_at) FROM lines), kind, amount_minor,"
        " (SELECT balance_minor FROM lines ORDER BY seq DESC LIMIT 1) + amount_minor, party, party_account, remark,"
        " reference, '' FROM lines WHERE kind = 'payout' AND amount_minor = -33333"
    )


def _payment(db: Connection) -> Payment:
    return payments.as_payment(db.execute(select(payment_table)).one())


def test_a_fee_for_which_the_books_hold_too_little_waits_on_the_list_until_they_know_better(day: Day) -> None:
    """What is missing before it is a credit without a serial, which no rule may book."""
    lines = [
        BankLine(amount=5000, at=at(10, 8, 9)),
        BankLine(amount=-1000, at=at(10, 8, 10), summary="手续费", use="", party_account=""),
    ]
    day.take_file(written(day.of.account, lines), now=at(10, 9))
    found = day.reconcile(at(10, 9))
    assert [(each.kind, each.amount) for each in found.open] == [("not_in_books", -1000), ("not_in_books", 5000)]
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0
    chosen = Chosen(lines=[found.open[1].line_id or 0], books="credit")
    proposal = proposals.propose(day.db, chosen, reason="查明", by=BUREAU, now=at(10, 9))
    proposals.approve(day.db, proposal.id, by=SECOND, now=at(10, 9))
    assert day.reconcile(at(10, 9)).booked == {"fee": 1}
    assert balances(day.db)["bank/6200000001"] == 4000
    assert breaches(day.db) == []
