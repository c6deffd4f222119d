"""The bank's reports on payout files, written by the sandbox bank: each line is rejected, waits, or contradicts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select

from escrow.access.caller import Caller
from escrow.access.tables import audit_entry
from escrow.bank.sandbox import ReportDials, SandboxBank
from escrow.db import transaction
from escrow.payouts import answers, batches, instructions, outcomes, refunds, releases
from escrow.payouts.answers import AnswerChanged, AnswerDoesNotFit
from escrow.payouts.batches import Batch
from escrow.payouts.outcomes import Told
from escrow.payouts.reading_answers import said_of, strangers_of
from escrow.refusals import Forbidden, Unknown
from reconciliation import pain002
from tests.escrow.county import BUREAU, RULEBOOK, at, balances, breaches, confirmed, enrolled, requested, school

NOW = at(9, 12, 9)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[SandboxBank]:
    """A bank that holds 1,000.00 in each of two accounts."""
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as opened:
        for account in ("6200000001", "6200000002"):
            opened.open_account(account, "机构")
            opened.pay(
                account=account, amount_minor=100000, payer="王芳", payer_account="6222", remark="", at=at(7, 21)
            )
        yield opened


def batch_of_three(db: Connection) -> Batch:
    """A release of 333.33 and a refund of 666.67 from one account, a refund of 1,000.00 from another."""
    of, other = school(db, 1), school(db, 2)
    child, contract = enrolled(db, of, 1)
    confirmed(db, of, (child, contract), on=(8, 3))
    releases.approve(db, requested(db, of).id, by=BUREAU, now=at(9, 11))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(9, 11))
    second, foreign = enrolled(db, other, 2)
    refunds.ask(db, foreign.id, rulebook=RULEBOOK, by=second.caller, now=at(9, 11))
    return batches.make(db, by=BUREAU, now=at(9, 11, 15))


def names(db: Connection, batch: Batch) -> list[str]:
    return [each.end_to_end for each in instructions.of_batch(db, batch.id)]


def states(db: Connection, batch: Batch) -> list[str]:
    return [each.state for each in instructions.of_batch(db, batch.id)]


def told(db: Connection, bank: SandboxBank, batch: Batch, **dials: object) -> bytes:
    bank.deliver(batches.file_of(db, batch.id), at=at(9, 11, 16))
    return bank.report(batch.message_id, at=NOW, dials=ReportDials(**dials))  # type: ignore[arg-type]  # as the dials say


@pytest.mark.parametrize("version", ["03", "10"])
def test_what_the_bank_accepts_waits_for_its_statement(db: Connection, bank: SandboxBank, version: str) -> None:
    batch = batch_of_three(db)
    before = balances(db)
    bank.deliver(batches.file_of(db, batch.id), at=at(9, 11, 16))
    answer = answers.take(db, bank.report(batch.message_id, at=NOW, version=version), by=BUREAU, now=NOW)  # type: ignore[arg-type]

    assert [(each.status, each.effect) for each in answer.lines] == [("ACSC", "confirmed")] * 3
    assert (states(db, batch), balances(db)) == (["sent"] * 3, before)
    assert breaches(db) == []


def test_each_line_is_taken_for_itself(db: Connection, bank: SandboxBank) -> None:
    batch = batch_of_three(db)
    release, refund, other = names(db, batch)
    report = told(db, bank, batch, rejects={release: "AC04", other: "AC01"}, pending=frozenset({refund}))
    answer = answers.take(db, report, by=BUREAU, now=NOW)

    assert [each.effect for each in answer.lines] == ["rejected", "pending", "rejected"]
    found = instructions.of_batch(db, batch.id)
    assert [(each.state, each.code) for each in found] == [("rejected", "AC04"), ("sent", None), ("rejected", "AC01")]
    assert releases.get(db, found[0].source_id).state == "bounced"
    assert [each for each in balances(db) if each.endswith("/payout")] == []
    assert answers.of_batch(db, batch.id) == [answer]
    assert breaches(db) == []


def test_a_file_that_the_bank_refuses_as_a_whole_is_owed_again_line_by_line(db: Connection, bank: SandboxBank) -> None:
    batch = batch_of_three(db)
    report = told(db, bank, batch, rejects=dict.fromkeys(names(db, batch), "AM04"), as_group=True)
    assert b"TxInfAndSts" not in report
    answer = answers.take(db, report, by=BUREAU, now=NOW)
    assert {(each.status, each.effect) for each in answer.lines} == {("RJCT", "rejected")}
    assert states(db, batch) == ["rejected"] * 3
    assert breaches(db) == []


def test_a_partial_report_leaves_the_lines_it_does_not_name(db: Connection, bank: SandboxBank) -> None:
    batch = batch_of_three(db)
    release, *_ = names(db, batch)
    answer = answers.take(
        db, told(db, bank, batch, rejects={release: "AC04"}, only=frozenset({release})), by=BUREAU, now=NOW
    )
    assert len(answer.lines) == 1
    assert states(db, batch) == ["rejected", "sent", "sent"]


def test_the_same_report_again_has_one_effect_and_another_under_its_name_is_refused(
    db: Connection, bank: SandboxBank
) -> None:
    batch = batch_of_three(db)
    release, refund, _ = names(db, batch)
    report = told(db, bank, batch, rejects={release: "AC04"})
    first = answers.take(db, report, by=BUREAU, now=NOW)
    assert answers.take(db, report, by=BUREAU, now=at(9, 13)) == first
    with pytest.raises(AnswerChanged):
        answers.take(db, told(db, bank, batch, rejects={refund: "AC04"}), by=BUREAU, now=NOW)
    second = bank.report(batch.message_id, at=NOW, number=2, dials=ReportDials(rejects={release: "AC04"}))
    later = answers.take(db, second, by=BUREAU, now=at(9, 13))
    assert [each.effect for each in later.lines] == ["known", "confirmed", "confirmed"]
    assert breaches(db) == []


def test_success_after_a_rejection_is_a_contradiction_and_moves_nothing(db: Connection, bank: SandboxBank) -> None:
    batch = batch_of_three(db)
    answers.take(db, told(db, bank, batch, rejects={names(db, batch)[0]: "AC04"}), by=BUREAU, now=NOW)
    before = balances(db)
    answer = answers.take(db, bank.report(batch.message_id, at=NOW, number=2), by=BUREAU, now=NOW)
    assert [each.effect for each in answer.lines] == ["contradiction", "confirmed", "confirmed"]
    assert balances(db) == before


def test_a_rejection_after_the_statement_showed_it_leaving_is_a_contradiction(
    db: Connection, bank: SandboxBank
) -> None:
    batch = batch_of_three(db)
    release = instructions.of_batch(db, batch.id)[0]
    outcomes.left(db, [Told(instruction_id=release.id, at=NOW)], by=BUREAU, now=NOW)
    answer = answers.take(db, told(db, bank, batch, rejects={release.end_to_end: "AC04"}), by=BUREAU, now=NOW)
    assert [each.effect for each in answer.lines] == ["contradiction", "confirmed", "confirmed"]
    assert states(db, batch) == ["settled", "sent", "sent"]


@pytest.mark.parametrize(
    ("sentence", "changes"),
    [
        (r"was of 2000\.00, not 2000\.01", {"sum_by": 1}),
        (r"was of 333\.33, not 333\.34", {"amount": True}),
    ],
)
def test_a_report_of_something_else_is_refused_whole(
    db: Connection, bank: SandboxBank, sentence: str, changes: dict[str, object]
) -> None:
    batch = batch_of_three(db)
    release = names(db, batch)[0]
    dials = dict(changes)
    amount = dials.pop("amount", False)
    report = told(db, bank, batch, rejects={release: "AC04"}, **dials)
    if amount:
        report = report.replace(b">333.33<", b">333.34<")
    with pytest.raises(AnswerDoesNotFit, match=sentence) as refused:
        answers.take(db, report, by=BUREAU, now=NOW)
    assert refused.value.chinese
    assert (states(db, batch), answers.of_batch(db, batch.id)) == (["sent"] * 3, [])


def test_what_a_report_says_of_other_payments_is_told_once_and_what_it_says_of_ours_is_taken(
    db: Connection, bank: SandboxBank
) -> None:
    batch = batch_of_three(db)
    release, refund, _ = names(db, batch)
    report = told(db, bank, batch, rejects={release: "AC04", refund: "AC01"}, unknown={refund: "POX"})
    answer = answers.take(db, report, by=BUREAU, now=NOW)

    assert [(each.status, each.effect) for each in answer.lines] == [("RJCT", "rejected"), ("ACSC", "confirmed")]
    assert states(db, batch) == ["rejected", "sent", "sent"], "of the second one nothing was said"
    (stranger,) = answer.strangers
    assert (stranger.end_to_end, stranger.amount, stranger.status, stranger.code) == ("POX", 66667, "RJCT", "AC01")
    assert f"{batch.message_id}-1/POX is no payment of this batch" in stranger.english
    assert "请向银行核实" in stranger.chinese
    assert answers.take(db, report, by=BUREAU, now=at(9, 13)) == answer
    assert answers.of_batch(db, batch.id) == [answer]
    assert breaches(db) == []


def test_a_part_that_is_not_ours_leaves_the_other_parts_and_its_own_lines_stand_beside(
    db: Connection, bank: SandboxBank
) -> None:
    batch = batch_of_three(db)
    release, refund, other = names(db, batch)
    report = told(db, bank, batch, rejects={release: "AC04", other: "AC04"})
    answer = answers.take(db, report.replace(b"-1</OrgnlPmtInfId>", b"-9</OrgnlPmtInfId>"), by=BUREAU, now=NOW)

    assert states(db, batch) == ["sent", "sent", "rejected"]
    assert [(each.payment_information[-2:], each.end_to_end) for each in answer.strangers] == [
        ("-9", release),
        ("-9", refund),
    ]


def test_who_names_what_was_never_asked_has_not_spoken_of_all_the_others() -> None:
    asked = {"PB1-1": {"PO1": 1, "PO2": 2}}
    lines = tuple(pain002.Line(end_to_end=name, amount=None, status="RJCT", code="AC04") for name in ("PO2", "POX"))
    part = pain002.Part(payment_information="PB1-1", count=2, total=3, lines=lines, status="RJCT")
    bare = pain002.Part(payment_information="PB7-1", count=None, total=5, lines=(), status="RJCT", code="AM04")
    report = pain002.Report(
        message_id="R", created_at=NOW, original="PB1", count=2, total=3, parts=(part, bare), status="RJCT"
    )
    assert set(said_of(report, asked)) == {"PO2"}, "what is rejected is owed again, so it is named or it stays"
    assert [(each.payment_information, each.end_to_end, each.amount) for each in strangers_of(report, asked)] == [
        ("PB1-1", "POX", None),
        ("PB7-1", "", 5),
    ]


def test_a_report_on_no_batch_of_ours_or_by_nobody_of_the_bank_is_refused(db: Connection, bank: SandboxBank) -> None:
    batch = batch_of_three(db)
    report = told(db, bank, batch)
    with pytest.raises(Unknown):
        answers.take(db, report.replace(batch.message_id.encode(), b"PB7"), by=BUREAU, now=NOW)
    for role in ("family", "institution", "auditor"):
        with pytest.raises(Forbidden):
            answers.take(db, report, by=Caller(name="x", role=role), now=NOW)


def test_the_nearest_level_counts() -> None:
    asked = {"PB1-1": {"PO1": 1, "PO2": 2}, "PB1-2": {"PO3": 3, "PO4": 4}}
    line = pain002.Line(end_to_end="PO2", amount=None, status="RJCT", code="AC04")
    parts = (
        pain002.Part(payment_information="PB1-1", count=2, total=3, lines=(line,), status="ACSP"),
        pain002.Part(payment_information="PB1-2", count=None, total=None, lines=()),
    )
    report = pain002.Report(
        message_id="R", created_at=NOW, original="PB1", count=4, total=10, parts=parts, status="ACCP"
    )
    said = said_of(report, asked)
    assert {name: each.status for name, each in said.items()} == {
        "PO1": "ACSP",
        "PO2": "RJCT",
        "PO3": "ACCP",
        "PO4": "ACCP",
    }


def test_one_report_imported_by_eight_at_once_has_one_effect(postgres_engine: Engine, bank: SandboxBank) -> None:
    with transaction(postgres_engine) as db:
        batch = batch_of_three(db)
        release, *_ = names(db, batch)
        report = told(db, bank, batch, rejects={release: "AC04"})

    def take(_: int) -> int:
        with transaction(postgres_engine) as db:
            return answers.take(db, report, by=BUREAU, now=NOW).id

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(take, range(8)))) == 1
    with transaction(postgres_engine) as db:
        taken = select(audit_entry.c.id).where(audit_entry.c.what.in_(("answer.taken", "payout.rejected")))
        assert len(db.execute(taken).all()) == 2
        assert breaches(db) == []


def test_of_clerks_who_make_batches_at_once_each_payout_goes_out_once(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        of = school(db)
        for number in range(1, 9):
            child, contract = enrolled(db, of, number)
            refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(9, 11))

    def make(_: int) -> int:
        try:
            with transaction(postgres_engine) as db:
                return batches.make(db, by=BUREAU, now=at(9, 11)).lines
        except batches.NothingToSend:
            return 0

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(make, range(6))) == [0, 0, 0, 0, 0, 8]
    with transaction(postgres_engine) as db:
        assert breaches(db) == []
