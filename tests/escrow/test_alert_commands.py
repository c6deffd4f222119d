"""Alerts from a terminal: what is listed, shown, exported, ordered, and how a refusal is told."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import Engine

from escrow.cli import main
from escrow.db import transaction
from escrow.monitoring import alerts, handling
from tests.escrow.county import RULEBOOK, SECOND, at, school
from tests.escrow.monitoring.facts import sighting

Escrow = Callable[..., tuple[int, str, str]]


@pytest.fixture
def escrow(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Escrow:
    """`escrow alerts ARGUMENTS` on the test's database, in an empty folder: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))

    def command(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["alerts", *arguments])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return command


@pytest.fixture
def key(engine: Engine) -> str:
    """An alert about a school; its id."""
    with transaction(engine) as db:
        of = school(db).institution.id
        (found,) = alerts.raise_(db, [sighting(institution_id=of)], rulebook=RULEBOOK, now=at(7, 20))
    return str(found.id)


def test_an_alert_is_worked_off_at_the_terminal(escrow: Escrow, key: str, tmp_path: Path) -> None:
    assert escrow("list")[1].startswith(f"{key} [grave] open 待受理 (institution ")
    assert "acknowledged 已受理" in escrow("acknowledge", key)[1]
    assert "investigating 调查中" in escrow("investigate", key)[1]
    ordered = escrow("order", key, "--deadline", "2199-01-05", "--measure", "退还超收部分", "--measure", "自查")
    assert (ordered[0], "due 2199-01-05" in ordered[1]) == (0, True), ordered
    status, out, _ = escrow("notice", key, "--out", "notice.pdf")
    pdf = (tmp_path / "notice.pdf").read_bytes()
    assert (status, pdf[:5], hashlib.sha256(pdf).hexdigest() in out) == (0, b"%PDF-", True)
    assert "小李" in escrow("assign", key, "--to", "小李")[1]
    assert "escalated 已上报移交" in escrow("escalate", key, "--to", "市教育局", "--reason", "涉及多区")[1]
    assert "resolved 已办结" in escrow("resolve", key, "--reason", "已退还")[1]
    shown = escrow("show", key)[1]
    for each in ("查明75 lessons", "seen 2026-07-20 12:00", "order_rectification", "possible now: nothing", "已退还"):
        assert each in shown, each


def test_a_refusal_is_told_in_both_languages_and_the_status_is_one(escrow: Escrow, key: str) -> None:
    status, out, err = escrow("investigate", key)
    assert (status, out) == (1, "")
    assert "The alert" in err
    assert "当前可以办理：受理" in err
    assert escrow("notice", key, "--out", "x.pdf")[0] == 1
    assert escrow("list", "--state", "lost")[0] == 2


def test_a_dismissal_proposed_at_the_terminal_waits_for_somebody_else(escrow: Escrow, engine: Engine, key: str) -> None:
    escrow("acknowledge", key)
    assert escrow("dismiss", key, "--reason", "误报", "--quiet-until", "2199-01-05")[0] == 0
    status, _, err = escrow("approve-dismissal", key)
    assert (status, "经办与审批不得为同一人" in err) == (1, True)
    assert escrow("reject-dismissal", key, "--reason", "再查")[0] == 0
    assert escrow("dismiss", key, "--reason", "误报")[0] == 0
    with transaction(engine) as db:
        assert handling.approve_dismissal(db, int(key), by=SECOND, now=at(7, 22)).state == "dismissed"


def test_the_list_and_its_exports_hold_what_was_asked_for(escrow: Escrow, key: str, tmp_path: Path) -> None:
    assert escrow("list", "--state", "resolved")[1] == "alerts: 0\n"
    late = escrow("list", "--overdue", "--rule", "prepayment.max_lessons")[1]
    assert late.endswith("alerts: 1\n"), "it was due in July 2026"
    assert escrow("export", "--out", "a.csv")[1] == "a.csv: 1 alerts\n"
    assert escrow("export", "--out", "a.xlsx", "--state", "open")[1] == "a.xlsx: 1 alerts\n"
    rows = CalamineWorkbook.from_path(str(tmp_path / "a.xlsx")).get_sheet_by_name("预警").to_python()
    assert [row[0] for row in rows] == ["编号 id", key]
    assert key in (tmp_path / "a.csv").read_text("utf-8-sig")
    assert "neither .xlsx nor .csv" in escrow("export", "--out", "a.pdf")[2]
