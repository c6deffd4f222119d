"""`escrow bank …`: what the bank says, brought in from a terminal."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from escrow.bank.sandbox import ReportDials, SandboxBank
from escrow.cli import main
from escrow.db import transaction
from escrow.payouts import batches, instructions, refunds
from tests.escrow.county import BUREAU, RULEBOOK, at, breaches, paid_school


def test_the_banks_answer_is_taken_in_and_what_failed_is_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    of, child, contract = paid_school(engine)
    with transaction(engine) as db:
        refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
        batch = batches.make(db, by=BUREAU, now=at(8, 1))
        (payout,) = instructions.of_batch(db, batch.id)
        file = batches.file_of(db, batch.id)
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        bank.open_account(of.account, "机构")
        bank.deliver(file, at=at(8, 1))
        report = tmp_path / "answer.xml"
        report.write_bytes(
            bank.report(batch.message_id, at=at(8, 2), dials=ReportDials(rejects={payout.end_to_end: "AC04"}))
        )
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            main(["bank", "answer", str(report)])
        told = capsys.readouterr()
        assert not ended.value.code, told.err
        assert f"on batch {batch.id}: rejected 1" in told.out
        assert f"{payout.id} rejected: RJCT AC04" in told.out
    report.write_bytes(b"<!DOCTYPE a><a/>")
    with pytest.raises(SystemExit) as ended:
        main(["bank", "answer", str(report)])
    assert (ended.value.code, "DOCTYPE" in capsys.readouterr().err) == (1, True)
    with transaction(engine) as db:
        assert breaches(db) == []
