"""`escrow breaks three-ways`: the payments of a period, by notice, statement and books, at a terminal."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from escrow.cli import main
from escrow.db import transaction
from tests.escrow.county import at, credit, receive, school


def test_what_does_not_stand_in_all_three_places_is_printed_and_all_of_it_written(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with transaction(engine) as db:
        account = school(db).account
        receive(db, credit("", 100, serial="S1", paid_at=at(10, 12)))
    file, sheet = tmp_path / "三方.csv", tmp_path / "三方.xlsx"
    days = ["--begins", "2026-10-12", "--ends", "2026-10-12"]
    with pytest.raises(SystemExit) as ended:
        main(["breaks", "three-ways", "--account", account, *days, "--csv", str(file), "--xlsx", str(sheet)])
    assert ended.value.code == 0
    counted, row = capsys.readouterr().out.splitlines()
    assert counted == f"{account} 2026-10-12 – 2026-10-12: 1 payments, in 3: 0, in 2: 1, in 1: 0"
    assert row == "2026-10-12 S1 1.00 有无有 待见于对账单：银行已通知，2026-10-13 前应见于对账单"
    assert "S1" in file.read_text(encoding="utf-8-sig")
    assert sheet.read_bytes().startswith(b"PK")
