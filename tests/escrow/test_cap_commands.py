"""`escrow rules explain`: what a person at the terminal reads of one contract."""

import pytest
from sqlalchemy import Engine

from escrow.cli import main
from escrow.db import transaction
from tests.escrow.county import draft, family, school, sign


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """How the command ended, what it printed, and what it complained of."""
    with pytest.raises(SystemExit) as ended:
        main(["rules", *arguments])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.fixture(autouse=True)
def at_a_wide_terminal(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))


def test_a_contract_is_explained_rule_by_rule(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction(engine) as db:
        of = school(db)
        contract = sign(db, of, draft(of, family(db), lessons=75, price="4000.00")).contract
    status, out, _ = run(capsys, "explain", str(contract.id))

    assert status == 0
    assert f"contract {contract.id}" in out
    assert "违反 broken" in out
    assert "75 lessons" in out
    assert "符合 kept" in out
    assert "nation/prepayment.max_span@2018-01-01" in out.replace("\n", "")


def test_a_contract_that_does_not_exist_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "explain", "1")
    assert status == 1
    assert "no contract 1" in err
