"""`escrow statement import-bill`: a channel's bill, brought in from a terminal."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from escrow.cli import main
from escrow.db import transaction
from tests.escrow.county import school
from tests.reconciliation.bill_files import Trade, wechat


def test_a_bill_is_kept_once_and_told_with_its_figures(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with transaction(engine) as db:
        account = school(db).account
    file = tmp_path / "账单.csv"
    file.write_bytes(wechat([Trade(order="T0000000000011", amount=100_000, fee=600)]).encode())

    def told(number: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["statement", "import-bill", str(file), "--account", number])
        return int(ended.value.code or 0), *capsys.readouterr()

    days = f"{account}: wechat 2026-10-08 – 2026-10-08, 1 payments and refunds"
    breaks = f"{account}: lumps matched: 0, open breaks: 0\n"
    assert told(account)[:2] == (0, f"{days}, 1 of them new, net 994.00\n{breaks}")
    assert told(account)[:2] == (0, f"{days}, 0 of them new, net 994.00\n{breaks}")
    status, _, err = told("6299999999")
    assert (status, "6299999999 is no supervised account here" in err) == (1, True)
