"""`escrow bank …`: what the bank says, brought in from a terminal."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from escrow.app import create_app
from escrow.bank.sandbox import ReportDials, SandboxBank
from escrow.bank.sandbox.server import BankServer, Reply
from escrow.cli import main
from escrow.db import transaction
from escrow.enrolment import orders
from escrow.payouts import batches, instructions, refunds
from escrow.settings import Settings
from tests.escrow.bank.serving import served
from tests.escrow.county import BUREAU, RULEBOOK, at, breaches, family, order, paid_school, school, signed


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
    other = report.read_bytes().replace(payout.end_to_end.encode(), b"POX").replace(b">R1-", b">R2-")
    report.write_bytes(other)
    with pytest.raises(SystemExit) as ended:
        main(["bank", "answer", str(report)])
    assert "POX 不是该批次的付款，银行答复的状态为 RJCT" in capsys.readouterr().out
    report.write_bytes(b"<!DOCTYPE a><a/>")
    with pytest.raises(SystemExit) as ended:
        main(["bank", "answer", str(report)])
    assert (ended.value.code, "DOCTYPE" in capsys.readouterr().err) == (1, True)
    with transaction(engine) as db:
        assert breaches(db) == []


def test_the_bank_is_asked_from_the_terminal_and_its_answer_booked(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with transaction(engine) as db:
        placed = order(db, signed(db, school(db), family(db)), now=datetime.now(UTC) - timedelta(hours=1))

    def bank() -> BankServer:
        opened = SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1"))
        opened.open_account("6200000001", "机构")
        opened.pay(
            account="6200000001",
            amount_minor=placed.amount,
            payer="王芳",
            payer_account="6222",
            remark=placed.reference,
            reference=placed.reference,
            at=placed.created_at,
        )
        return BankServer(("127.0.0.1", 0), opened, clock=lambda: placed.created_at)

    with served(bank) as url:
        for said in ("asked about 1 orders: booked 1", "asked about 0 orders"):
            with pytest.raises(SystemExit) as ended:
                main(["bank", "ask", "--url", url])
            assert (ended.value.code or 0, said in capsys.readouterr().out) == (0, True)
    with transaction(engine) as db:
        assert orders.get(db, placed.reference).state == "paid"
        assert breaches(db) == []
    with pytest.raises(SystemExit) as ended:
        main(["bank", "ask"])
    assert ended.value.code


def test_the_service_asks_by_itself_while_it_runs(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as db:
        placed = order(db, signed(db, school(db), family(db)))
    asked = threading.Event()

    def bank() -> BankServer:
        opened = SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1"))
        opened.open_account("6200000001", "机构")
        server = BankServer(("127.0.0.1", 0), opened, clock=lambda: placed.created_at)
        answer = server.answer

        def noted(method: str, path: str, body: bytes) -> Reply:
            asked.set()
            return answer(method, path, body)

        server.answer = noted  # type: ignore[method-assign]  # to see that somebody came
        return server

    with served(bank) as url:
        settings = Settings(bank_url=url, ask_seconds=1)
        app = create_app(
            engine,
            rulebook=RULEBOOK,
            settings=settings,
            clock=lambda: placed.created_at + timedelta(minutes=15),
        )
        with TestClient(app):
            assert asked.wait(20)
