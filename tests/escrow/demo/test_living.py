"""A small county lives through its months on both databases; the cases end as they should, and every book agrees."""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Connection, Engine, func, select, update

from escrow.bank.sandbox import Dials, SandboxBank
from escrow.db import open_engine, snapshot, transaction
from escrow.demo import cases, reports
from escrow.demo.cases.outcome import Outcome, payments_of, payouts_of, seen_on
from escrow.demo.county import County
from escrow.demo.living import live
from escrow.demo.town import Town
from escrow.enrolment import contracts
from escrow.enrolment.tables import bank_event, contract
from escrow.monitoring.tables import alert
from escrow.oversight.audit import audit
from escrow.payouts import releases
from escrow.payouts.tables import closure, instruction, refund, release_line, release_request
from escrow.payouts.windows import OutsideReleaseWindow
from escrow.settlement import breaks, cash
from escrow.teaching.tables import attendance, lesson
from ledger.balances import trial_balance
from tests.conftest import KINDS, TEMPLATE

SMALL = County(subject=2, non_subject=6, families=16)


@dataclass(frozen=True)
class Lived:
    """What is left when the months are over."""

    town: Town
    days: list[date]
    db: Connection
    outcomes: dict[str, Outcome]

    def balances(self) -> dict[str, int]:
        return {each.path: each.amount for each in trial_balance(self.db)}


@pytest.fixture(scope="module", params=KINDS)
def lived(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, next_database: Callable[[], str]
) -> Iterator[Lived]:
    if request.config.getoption("database") not in (None, request.param):
        pytest.skip(f"only {request.config.getoption('database')} was asked for")
    folder = tmp_path_factory.mktemp("demo")
    engine = _engine(request, folder, next_database)
    days: list[date] = []
    with SandboxBank.open(folder / "bank.db", key=SandboxBank.new_key("bank"), dials=Dials(batch=50)) as bank:
        town = live(engine, bank, folder=folder, county=SMALL, seed=7, passing=days.append)
        with snapshot(engine) as db:
            told = {each.en: each for each in cases.told(db, town)}
            yield Lived(town=town, days=days, db=db, outcomes=told)
    engine.dispose()


def _engine(request: pytest.FixtureRequest, folder: Path, next_database: Callable[[], str]) -> Engine:
    if request.param == "sqlite":
        file = folder / "escrow.db"
        file.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        return open_engine(f"sqlite:///{file}")
    server, name = request.getfixturevalue("postgres"), next_database()
    server.create(name, template=TEMPLATE)
    return open_engine(server.url(name))


def test_the_audit_finds_nothing_and_every_proof_of_cash_is_explained(lived: Lived) -> None:
    assert list(audit(lived.db)) == []
    proofs = [cash.prove(lived.db, school.account) for school in lived.town.schools]
    assert [each.unexplained.minor for each in proofs] == [0] * 8
    assert all(date(2026, 11, 10) <= each.on <= date(2026, 11, 15) for each in proofs)


def test_the_bank_holds_what_our_books_say_less_what_has_left_since_the_last_statement(lived: Lived) -> None:
    i = instruction.c
    query = select(i.supervised_account, func.sum(i.amount)).where(i.state == "sent").group_by(i.supervised_account)
    sent = {account: int(amount) for account, amount in lived.db.execute(query)}
    balances = lived.balances()
    for school in lived.town.schools:
        ours = balances[f"bank/{school.account}"] - sent.get(school.account, 0)
        assert ours == lived.town.bank.balance(school.account), school.institution.name
    assert lived.town.refused == []
    assert len(sent) == 2  # the slow refund, and the release that was asked for on the last evening


def test_the_days_run_from_july_to_november_and_none_is_skipped(lived: Lived) -> None:
    assert lived.days[0] == date(2026, 7, 11)
    assert lived.days[-1] == date(2026, 11, 18)
    assert len(lived.days) == (lived.days[-1] - lived.days[0]).days + 1


@pytest.mark.parametrize(
    ("case", "flagged"),
    [
        ("75 lessons", ("prepayment.max_lessons", "60 lessons", "75 lessons")),
        ("50 + 15", ("prepayment.max_lessons", "60 lessons", "65 lessons")),
        ("40 + 40", ("prepayment.max_lessons", "60 lessons", "80 lessons")),
        ("6,000 yuan", ("prepayment.max_amount", "5000.00 CNY", "6000.00 CNY")),
        ("four months", ("prepayment.max_span", "2026-11", "2026-12")),
    ],
)
def test_a_contract_beyond_a_cap_is_let_in_and_flagged_once(
    lived: Lived, case: str, flagged: tuple[str, str, str]
) -> None:
    rule, limit, found = flagged
    raised = lived.db.execute(select(alert).where(alert.c.contract_id.in_(lived.town.notes[case]))).all()

    assert [each.rule for each in raised] == [rule]
    assert raised[0].contract_id == lived.town.notes[case][-1]
    assert raised[0].state == "acknowledged"
    assert raised[0].seen == 2  # at signing, and when every contract was looked at again
    assert raised[0].citation["number"]
    assert raised[0].limit_text.startswith(limit)
    assert raised[0].found_text.startswith(found)


def test_nothing_else_is_flagged(lived: Lived) -> None:
    assert lived.db.execute(select(func.count()).select_from(alert)).scalar_one() == 5


def test_the_second_payment_of_an_order_is_parked_and_seen_going_back(lived: Lived) -> None:
    first, second = payments_of(lived.db, lived.town.notes["twice"])

    assert (first.state, first.reason) == ("placed", "")
    assert (second.state, second.reason) == ("returned", "order_paid_already")
    [back] = payouts_of(lived.db, "return", second.id)
    assert (back.amount, back.creditor_account) == (first.amount, first.payer_account)
    assert seen_on(lived.db, instruction_id=back.id) == date(2026, 7, 22)
    assert lived.town.notes["own proposal"].slug == "four-eyes"


def test_a_notification_told_six_times_is_booked_once(lived: Lived) -> None:
    [only] = payments_of(lived.db, lived.town.notes["repeated"])
    event = select(bank_event.c.webhook_id).where(bank_event.c.body.contains(only.serial))

    assert lived.town.heard[lived.db.execute(event).scalar_one()] == 6
    assert only.state == "placed"


def test_a_payment_never_told_of_is_found_on_the_statement(lived: Lived) -> None:
    [only] = payments_of(lived.db, lived.town.notes["dropped"])

    assert (only.source, only.state) == ("statement", "placed")
    assert seen_on(lived.db, payment_id=only.id) == only.paid_at.date()


def test_a_payment_without_a_reference_is_assigned_by_two_people(lived: Lived) -> None:
    [only] = payments_of(lived.db, lived.town.notes["unnamed"])

    assert (only.state, only.reason, only.reference) == ("placed", "no_reference", "")
    assert only.contract_id is not None
    assert contracts.get(lived.db, only.contract_id).price == only.amount
    assert only.order_id is not None
    assert "张督导提出，李科长批准" in lived.outcomes["a payment with no reference"].answer


def test_a_payment_a_fen_short_goes_back_and_the_right_one_counts(lived: Lived) -> None:
    short, right = payments_of(lived.db, lived.town.notes["short"])

    assert (short.state, short.reason) == ("returned", "wrong_amount")
    assert (right.state, right.amount) == ("placed", short.amount + 1)


def test_money_that_nobody_knows_is_the_only_money_in_suspense(lived: Lived) -> None:
    suspense = {path: fen for path, fen in lived.balances().items() if path.endswith("/suspense") and fen}

    assert suspense == {f"bank/{lived.town.others[4].account}/suspense": 30_000}


def test_the_window_is_shut_on_the_ninth_and_the_sixteenth_and_open_between(lived: Lived) -> None:
    notes = lived.town.notes
    for title, opens in (("the 9th", "2026-09-10T00:00:00+08:00"), ("the 16th", "2026-11-10T00:00:00+08:00")):
        assert isinstance(notes[title], OutsideReleaseWindow)
        assert notes[title].facts["next_opens"] == opens
    tenth, fifteenth = (releases.get(lived.db, notes[title]) for title in ("the 10th", "the 15th"))
    assert (tenth.period, tenth.state) == ("2026-08", "approved")
    assert (fifteenth.period, fifteenth.state) == ("2026-09", "approved")
    assert "2026-11-10T00:00 至" in lived.outcomes["asked for on the 16th at 00:00"].answer


def test_what_was_refused_in_one_window_is_carried_over_into_the_next(lived: Lived) -> None:
    late = lived.town.others[2]
    asked = lived.db.execute(
        select(release_request).where(release_request.c.institution_id == late.institution.id)
    ).all()
    taught = (
        select(func.sum(attendance.c.share))
        .join(lesson, lesson.c.id == attendance.c.lesson_id)
        .where(lesson.c.institution_id == late.institution.id)
    )

    assert [each.period for each in asked] == ["2026-08", "2026-10"]
    assert sum(each.amount for each in asked) == lived.db.execute(taught).scalar_one()


def test_a_rejected_request_is_asked_again_for_the_same_lessons(lived: Lived) -> None:
    rejected, again = (releases.get(lived.db, each) for each in lived.town.notes["rejected"])

    assert (rejected.state, again.state) == ("rejected", "approved")
    assert rejected.reason
    assert (rejected.period, rejected.amount, rejected.lessons) == (again.period, again.amount, again.lessons)


def test_one_disputed_lesson_is_struck_out_and_the_other_is_released_a_month_late(lived: Lived) -> None:
    def of(title: str) -> object:
        lesson_id, contract_id = lived.town.notes[title]
        a = attendance.c
        return lived.db.execute(select(attendance).where(a.lesson_id == lesson_id, a.contract_id == contract_id)).one()

    struck, stands = of("struck"), of("stands")
    assert (struck.state, struck.share) == ("struck", None)  # type: ignore[attr-defined]  # a row
    assert (stands.state, stands.confirmed_by) == ("confirmed", "bureau")  # type: ignore[attr-defined]  # a row
    lines = lived.db.execute(
        select(release_request.c.period, release_line.c.left_out)
        .join(release_line, release_line.c.request_id == release_request.c.id)
        .where(release_line.c.attendance_id == stands.id)  # type: ignore[attr-defined]  # a row
        .order_by(release_request.c.id)
    )
    assert lines.all() == [("2026-08", "disputed"), ("2026-09", None)]


def test_lessons_of_the_last_days_wait_for_their_guardians_and_say_until_when(lived: Lived) -> None:
    left_out = lived.db.execute(
        select(release_line.c.left_out, release_line.c.expected).where(release_line.c.left_out.is_not(None))
    )
    reasons = Counter((each.left_out, each.expected) for each in left_out)

    assert reasons["disputed", None] == 1
    assert [reason for reason, _ in reasons if reason == "awaiting_confirmation"]
    assert all(expected for reason, expected in reasons if reason == "awaiting_confirmation")


def test_guardians_and_silence_both_confirm(lived: Lived) -> None:
    confirmed = Counter(
        lived.db.execute(select(attendance.c.confirmed_by).where(attendance.c.state == "confirmed")).scalars()
    )

    assert confirmed["bureau"] == 1
    assert min(confirmed["guardian"], confirmed["silence"]) > 10


def test_a_refund_gives_the_original_payer_what_was_not_taught(lived: Lived) -> None:
    refund_id, payer_account = lived.town.notes["refund"]
    [paid] = payments_of(lived.db, payer_account)
    decided = lived.db.execute(select(refund).where(refund.c.id == refund_id)).one()
    [out] = payouts_of(lived.db, "refund", refund_id)
    taught = select(func.sum(attendance.c.share)).where(attendance.c.contract_id == decided.contract_id)

    assert (out.state, out.creditor_account) == ("settled", payer_account)
    assert decided.held_back > 0
    assert decided.amount + lived.db.execute(taught).scalar_one() == paid.amount


def test_a_payout_that_the_bank_has_not_made_is_the_only_open_break(lived: Lived) -> None:
    [out] = payouts_of(lived.db, "refund", lived.town.notes["slow refund"][0])
    [still] = breaks.still_open(lived.db)

    assert (out.state, seen_on(lived.db, instruction_id=out.id)) == ("sent", None)
    assert (still.kind, still.instruction_id, still.amount) == ("not_on_statement", out.id, -out.amount)


def test_when_an_institution_closes_every_family_is_repaid_before_it_gets_anything(lived: Lived) -> None:
    school, notes = lived.town.others[-1], lived.town.notes
    closed = lived.db.execute(select(closure).where(closure.c.id == notes["closure"])).one()
    assert (closed.requested_by, closed.approved_by) == ("张督导", "李科长")
    assert (notes["own closure"].slug, notes["families first"].slug) == ("four-eyes", "families-first")

    repaid = lived.db.execute(select(refund).where(refund.c.closure_id == closed.id)).all()
    paid_out = [each for one in repaid for each in payouts_of(lived.db, "refund", one.id)]
    assert sorted(each.amount for each in repaid) == sorted(fen for fen in notes["roster"] if fen)
    assert {each.state for each in paid_out} == {"settled"}
    assert {each.batch_id for each in paid_out} == {paid_out[0].batch_id}

    asked = select(release_request).where(release_request.c.institution_id == school.institution.id)
    last = lived.db.execute(asked.order_by(release_request.c.id.desc())).first()
    assert last is not None
    assert (last.period, last.state) == ("2026-10", "approved")
    assert last.requested_at > max(each.settled_at for each in paid_out if each.settled_at)
    owed = {path: fen for path, fen in lived.balances().items() if path.endswith(("/prepaid", "/refund", "/earned"))}
    mine = [each.contract.id for k in school.classes for each in k.roll]
    assert [owed[f"contract/{each}/{kind}"] for each in mine for kind in ("prepaid", "refund")] == [0] * 2 * len(mine)
    assert owed[f"institution/{school.institution.id}/earned"] == 0


def test_the_bank_pays_interest_to_everybody_and_takes_a_fee_from_some(lived: Lived) -> None:
    balances = lived.balances()
    interest = [balances[f"bank/{school.account}/interest"] for school in lived.town.schools]

    assert min(interest) > 0
    assert [balances[f"bank/{school.account}/fees"] for school in lived.town.schools].count(1_000) == 1


def test_every_case_says_what_happened_and_where_its_money_is(lived: Lived) -> None:
    assert len(lived.outcomes) == 24
    assert all(each.answer and each.money for each in lived.outcomes.values())


def test_a_book_that_was_tampered_with_is_said_in_the_last_line(lived: Lived) -> None:
    output = io.StringIO()
    with suppress(_Undone), transaction(lived.town.engine) as db:
        db.execute(update(contract).values(taught=contract.c.taught - 1).where(contract.c.taught > 0))
        is_right = reports.tell(Console(file=output), db, lived.town, folder=lived.town.folder, seed=7, seconds=0)
        raise _Undone

    assert not is_right
    assert output.getvalue().splitlines()[-1].startswith("audit: shares are exact: contract:")


class _Undone(Exception):
    """Rolls the tampering back."""
