"""The audit finds what was changed behind the verbs' back, whatever it was, and finds nothing where nothing was."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from escrow.access import keys
from escrow.bank.sandbox import SandboxBank
from escrow.db import open_engine, transaction
from escrow.oversight.audit import audit
from escrow.payouts import batches, refunds, releases, suspense
from escrow.settlement import reconciling, statements
from tests.conftest import KINDS, TEMPLATE
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    breaches,
    confirmed,
    credit,
    enrolled,
    family,
    order,
    pay,
    receive,
    requested,
    school,
    signed,
    unguarded,
)


class _Undone(Exception):
    """Makes a transaction roll back."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.config.getoption("database")
    metafunc.parametrize("books", [chosen] if chosen else KINDS, indirect=True, scope="module")


@pytest.fixture(scope="module")
def books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with everything in it, made once: every test changes it and takes its change back."""
    folder = tmp_path_factory.mktemp("audited")
    if request.param == "postgresql":
        server, name = request.getfixturevalue("postgres"), request.getfixturevalue("next_database")()
        server.create(name, template=TEMPLATE)
        engine = open_engine(server.url(name))
    else:
        copied = shutil.copyfile(request.getfixturevalue("sqlite_template"), folder / "escrow.db")
        engine = open_engine(f"sqlite:///{copied}")
    with transaction(engine) as db:
        _live(db, folder)
    yield engine
    engine.dispose()


@pytest.fixture
def county(books: Engine) -> Iterator[Connection]:
    """The books, open; whatever is done to them is undone."""
    with suppress(_Undone), transaction(books) as db:
        yield db
        raise _Undone


def _live(db: Connection, folder: Path) -> None:
    """Paid, parked, taught, released, repaid, sent back, settled, interest and a fee."""
    of, other = school(db, 1), school(db, 2)
    first, second = enrolled(db, of, 1), enrolled(db, of, 2)
    confirmed(db, of, first, on=(8, 3))
    confirmed(db, of, second, on=(8, 4))
    confirmed(db, other, enrolled(db, other, 3), on=(8, 5))
    (parked,) = receive(db, credit("", 500, serial="S-parked", paid_at=at(7, 21, 13)))
    receive(db, credit("", 700, serial="S-stays", paid_at=at(7, 21, 13)))
    back = suspense.propose(db, parked.payment.id, contract_id=None, reason="误汇", by=BUREAU, now=at(9, 9))
    suspense.approve(db, back.id, by=SECOND, now=at(9, 9))
    releases.approve(db, requested(db, of).id, by=BUREAU, now=at(9, 11))
    refunds.ask(db, first[1].id, rulebook=RULEBOOK, by=first[0].caller, now=at(9, 11))
    with _bank(db, folder, of.account) as bank:
        batch = batches.make(db, by=BUREAU, now=at(9, 11))
        bank.deliver(batches.file_of(db, batch.id), at=at(9, 11))
        bank.pay_interest(of.account, 50, at=at(9, 21))
        bank.charge_fee(of.account, 20, at=at(9, 22))
        data = bank.statement(of.account, begins=date(2026, 7, 1), ends=date(2026, 9, 30), format="camt.053")
    statements.import_file(db, data, filename="x", account=of.account, by=BUREAU, now=at(10, 1))
    assert len(reconciling.reconcile(db, of.account, by=BUREAU, now=at(10, 1)).open) == 0
    requested(db, other)
    third = signed(db, of, family(db, 4))
    pay(db, of, third, "400.00", serial="S-part", now=at(10, 2))
    order(db, third, "100.00", now=at(10, 2))
    refunds.ask(db, second[1].id, rulebook=RULEBOOK, by=second[0].caller, now=at(10, 3))


@contextmanager
def _bank(db: Connection, folder: Path, account: str) -> Iterator[SandboxBank]:
    """A bank whose books hold what the service was told of the first school's account."""
    with SandboxBank.open(folder / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        keys.trust_bank(db, bank.public_key(not_before=at(7, 1)))
        bank.open_account(account, "明日美术1")
        told = text("SELECT amount, payer, payer_account, serial FROM payment WHERE supervised_account = :account")
        for row in db.execute(told, {"account": account}).all():
            bank.connection.execute(
                "INSERT INTO lines SELECT coalesce(max(seq), 0) + 1, ?, ?, unixepoch('2026-07-21 05:00:00'), 'payment',"
                " ?, coalesce((SELECT balance_minor FROM lines ORDER BY seq DESC LIMIT 1), 0) + ?, ?, ?, '', '', ''"
                " FROM lines",
                [row.serial, account, row.amount, row.amount, row.payer, row.payer_account],
            )
        yield bank


SUMS, SAID, ONCE = "totals are the sums of transfers", "balances are what the records say", "lessons are released once"
EXACT, DECIDED, AGREE = "shares are exact", "payouts are what was decided", "matches agree in amount"
HELD, ORDERS, FILES = "the bank holds what is owed", "payments fit their orders", "batches are their files"

FLOOR = "no account ever passed its limits"

ONE = "(SELECT min(id) FROM {table} WHERE {where})"

CHANGES = [
    ("ledger_transfer", "kind = 'lesson'", "amount = amount + 1", SUMS),
    ("ledger_transfer", "kind = 'release' AND phase = 'pending'", "amount = amount + 1", FLOOR),
    ("ledger_transfer", "kind = 'release' AND phase = 'settled'", "amount = amount - 1", SUMS),
    ("ledger_transfer", "kind = 'payment'", "debit_id = credit_id + 0, credit_id = debit_id", SUMS),
    ("ledger_account", "path LIKE '%/earned' AND debits_posted > 0", "credits_posted = credits_posted + 1", SUMS),
    ("ledger_account", "path LIKE 'bank/%/fees' AND debits_posted > 0", "debits_posted = debits_posted + 1", HELD),
    ("attendance", "state = 'confirmed'", "share = share - 1", EXACT),
    ("attendance", "state = 'confirmed'", "ordinal = 2", EXACT),
    ("attendance", "release_id IS NOT NULL", "release_id = NULL", ONCE),
    ("contract", "taught = 1", "price = price + 3", EXACT),
    ("contract", "taught = 1", "taught = 2", EXACT),
    ("contract", "taught = 0", "price = 39999", ORDERS),
    ("payment", "state = 'placed'", "amount = amount + 1", SAID),
    ("payment", "state = 'suspense'", "amount = amount - 1", SAID),
    ("payment", "state = 'returned'", "state = 'suspense'", SAID),
    ("payment", "order_id IS NOT NULL", "order_id = NULL", ORDERS),
    ("payment_order", "state = 'paid'", "amount = amount + 1", ORDERS),
    ("payment_order", "state = 'paid'", "state = 'open'", ORDERS),
    ("payment_order", "state = 'open'", "state = 'paid'", ORDERS),
    ("release_line", "share IS NOT NULL", "share = share + 1", ONCE),
    ("release_request", "state = 'approved'", "amount = amount + 1", ONCE),
    ("release_request", "state = 'requested'", "amount = amount + 1", SAID),
    ("release_request", "state = 'requested'", "state = 'rejected', reason = 'x', decided_by = 'x'", SAID),
    ("refund", "amount > 0", "amount = amount - 1", SAID),
    ("payout_instruction", "state = 'settled'", "amount = amount + 1", DECIDED),
    ("payout_instruction", "state = 'instructed'", "amount = amount + 1", DECIDED),
    ("payout_instruction", "state = 'instructed'", "source_id = source_id + 7", DECIDED),
    ("payout_instruction", "kind = 'refund' AND state = 'settled'", "state = 'sent', settled_at = NULL", AGREE),
    ("payout_instruction", "kind = 'refund' AND state = 'settled'", "owed_path = 'institution/1/payout'", SAID),
    ("payout_batch", "lines > 0", "total = total + 1", FILES),
    ("payout_batch", "lines > 0", "sha256 = 'x'", FILES),
    ("statement_line", "amount = 50", "amount = amount + 1", AGREE),
    ("statement_line", "remark LIKE 'PO%'", "amount = amount - 1", AGREE),
    ("statement_match", "instruction_id IS NOT NULL", "instruction_id = NULL", AGREE),
    ("statement_match", "rule = 'interest'", "own = 'fees'", SAID),
    ("statement_match", "rule = 'fee'", "own_amount = own_amount - 1", AGREE),
    ("statement_match", "rule = 'fee'", "undone_at = matched_at, undone_by = 'x', undone_why = 'x'", SAID),
]


@pytest.mark.parametrize(("table", "where", "change", "invariant"), CHANGES)
def test_every_changed_row_is_named_by_the_invariant_that_it_breaks(  # noqa: PLR0917  all by name
    county: Connection, table: str, where: str, change: str, invariant: str
) -> None:
    assert breaches(county) == []
    unguarded(county, table)
    one = ONE.format(table=table, where=where)
    assert county.execute(text(f"UPDATE {table} SET {change} WHERE id = {one}")).rowcount == 1  # noqa: S608  our own words
    assert invariant in {each.invariant for each in audit(county)}


def test_a_movement_that_no_transfer_made_is_named(county: Connection) -> None:
    county.execute(
        text(
            "INSERT INTO ledger_movement (grain, account_id, effective_from, recorded_from, debits, credits)"
            " SELECT 'day', min(id), '2026-07-01', '2026-07-01', 1, 0 FROM ledger_account"
        )
    )
    assert "movements are the sums of transfers" in {each.invariant for each in audit(county)}


@pytest.mark.parametrize(
    ("table", "where", "invariant"),
    [
        ("ledger_transfer", "kind = 'lesson'", SUMS),
        ("attendance", "state = 'confirmed'", SAID),
        ("payment", "state = 'suspense'", SAID),
        ("payment", "state = 'placed'", SAID),
        ("release_line", "share IS NOT NULL", ONCE),
        ("release_request", "state = 'requested'", SAID),
        ("refund", "amount > 0", SAID),
        ("payout_instruction", "state = 'instructed'", DECIDED),
        ("statement_line", "remark LIKE 'PO%'", AGREE),
        ("statement_match", "instruction_id IS NOT NULL", AGREE),
        ("statement_match", "rule = 'fee'", SAID),
    ],
)
def test_every_deleted_row_is_missed(county: Connection, table: str, where: str, invariant: str) -> None:
    every = [*("attendance", "payment", "payment_order", "release_line", "release_request", "refund", "statement_line")]
    every += ["ledger_transfer", "payout_instruction", "statement_match", "payout_batch", "statement"]
    for name in every:  # the guards of foreign keys too: whoever deletes a row takes them away first
        unguarded(county, name)
    if county.dialect.name == "sqlite":
        county.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    one = ONE.format(table=table, where=where)
    assert county.execute(text(f"DELETE FROM {table} WHERE id = {one}")).rowcount == 1  # noqa: S608  our own words
    assert invariant in {each.invariant for each in audit(county)}


def test_money_moved_between_two_schools_accounts_is_found_though_every_sum_is_right(county: Connection) -> None:
    unguarded(county, "ledger_transfer")
    county.execute(
        text(
            "INSERT INTO ledger_transfer (debit_id, credit_id, amount, phase, kind, reference, effective, recorded)"
            " SELECT theirs.id, ours.id, 1, 'posted', 'x', 'x', t.effective, t.recorded"
            " FROM ledger_account theirs, ledger_account ours, ledger_transfer t"
            " WHERE theirs.path = 'bank/6200000001' AND ours.path = 'bank/6200000002/suspense'"
            " AND t.id = (SELECT min(id) FROM ledger_transfer)"
        )
    )
    for path, side in (("bank/6200000001", "debits_posted"), ("bank/6200000002/suspense", "credits_posted")):
        county.execute(text(f"UPDATE ledger_account SET {side} = {side} + 1 WHERE path = :path"), {"path": path})  # noqa: S608  our own words
    found = {each.invariant for each in audit(county)}
    assert SUMS not in found
    assert found == {"money stays with its bank account", HELD, SAID}


def test_a_fen_taken_everywhere_at_once_is_still_found(county: Connection) -> None:
    """The transfer, the totals of both its accounts and the payment agree with each other; the bank's line does not."""
    unguarded(county, "ledger_transfer")
    unguarded(county, "ledger_account")
    chosen = county.execute(
        text(
            "SELECT t.id, t.debit_id, t.credit_id, p.id AS payment FROM ledger_transfer t JOIN payment p"
            " ON t.reference = 'payment/' || p.supervised_account || '/' || p.serial WHERE p.serial = 'S-stays'"
        )
    ).one()
    for change, key in (
        ("UPDATE ledger_transfer SET amount = amount - 1 WHERE id = :id", chosen.id),
        ("UPDATE ledger_account SET debits_posted = debits_posted - 1 WHERE id = :id", chosen.debit_id),
        ("UPDATE ledger_account SET credits_posted = credits_posted - 1 WHERE id = :id", chosen.credit_id),
        ("UPDATE payment SET amount = amount - 1 WHERE id = :id", chosen.payment),
    ):
        assert county.execute(text(change), {"id": key}).rowcount == 1
    assert {each.invariant for each in audit(county)} == {AGREE}


def test_a_breach_says_what_where_and_the_two_figures(county: Connection) -> None:
    county.execute(text("UPDATE payment SET amount = 701 WHERE serial = 'S-stays'"))
    told = [str(each) for each in audit(county)]
    assert f"{SAID}: bank/6200000001/suspense: ledger 700 fen, records 701 fen" in told
